"""The laws of campaigns: nothing is given that is not counted, and nothing counted that was not given."""

from django.db import connection

from backstage.policies import Finding
from backstage.queries import Law
from backstage.registry import Invariant
from loyalty.models import Award, Campaign, CampaignUse

_CAMPAIGN, _USE, _AWARD = (model._meta.db_table for model in (Campaign, CampaignUse, Award))

LAWS = (
    Law(
        "campaign_is_its_uses",
        "Has every campaign given what its members have from it?",
        f"SELECT c.id, c.spent_points, COALESCE(SUM(u.points), 0) AS counted FROM {_CAMPAIGN} c"
        f" LEFT JOIN {_USE} u ON u.campaign_id = c.id GROUP BY c.id, c.spent_points"
        " HAVING c.spent_points <> COALESCE(SUM(u.points), 0)",
        "campaign %(id)s has given %(spent_points)s points; its members have %(counted)s",
    ),
)


def _find_unpaid() -> list[Finding]:
    """Compare what campaigns have given with what the awards have from them. Queries: 1."""
    part, standing = "json_each(a.extras) x", "json_extract(x.value, '$[1]')"
    if connection.vendor == "postgresql":
        part, standing = "jsonb_each(a.extras) x", "(x.value ->> 1)::bigint"
    named = f"SELECT CAST(x.key AS BIGINT) AS campaign_id, SUM({standing}) AS points FROM {_AWARD} a, {part}"
    return Law(
        "campaign_pays_for_awards",
        "",
        f"SELECT c.id, c.spent_points, COALESCE(g.points, 0) AS awarded FROM {_CAMPAIGN} c"
        f" LEFT JOIN ({named} GROUP BY x.key) g ON g.campaign_id = c.id"
        " WHERE c.spent_points <> COALESCE(g.points, 0)",
        "campaign %(id)s has given %(spent_points)s points; the awards have %(awarded)s from it",
    ).find()


INVARIANTS = (
    *(law.invariant() for law in LAWS),
    Invariant(
        name="ledger.campaign_pays_for_awards",
        question="Is what every campaign has given in the awards that have it?",
        find=_find_unpaid,
        liveness=False,
    ),
)
