"""The dates of points that wait for nothing: ready at once, and ending as other points do."""

from datetime import datetime

from loyalty.policies.rules import ProgrammeRules
from loyalty.policies.terms import LotDates, lot_end


def dates_of_gift(programme: ProgrammeRules, at: datetime) -> tuple[LotDates, int | None, int | None]:
    """Give dates, id of the terms and months without activity, as a `Part` takes them."""
    terms_id = programme.terms_at(at).get(None)
    if terms_id is None:
        return LotDates(at, None, "", None), None, None
    end = lot_end(programme.terms_by_id()[terms_id], at, programme.zone)
    return LotDates(at, end.expires_at, "", None), terms_id, end.lapse_months
