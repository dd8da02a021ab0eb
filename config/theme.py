"""How the admin looks in the stand-alone project, when Unfold is installed."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

SHADES = ("50", "100", "200", "300", "400", "500", "600", "700", "800", "900", "950")
# The accent of the members' pages, from its lightest tint to its darkest shade.
ACCENT = (
    "#eefaf6", "#d5f2e8", "#aee5d2", "#8ad9c0", "#5fc9ab",
    "#2fa888", "#14765f", "#0d5c4a", "#0c4a3d", "#0a3d33", "#04231b",
)  # fmt: skip


def mark(request: HttpRequest) -> str:
    """Return the address of the brand's mark; Unfold asks when it draws a page, settings cannot know it."""
    return static("site/mark.svg")


def page(title: Any, icon: str, model: str) -> dict[str, Any]:
    """Give an entry of the sidebar: the list of a model, for whoever may see it."""
    app, name = model.split(".")
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{name}_changelist"),
        "permission": lambda request: request.user.has_perm(f"{app}.view_{name}"),
    }


# In the order of a shop's week; what support and developers look at stands last and folded.
NAVIGATION = [
    {
        "items": [
            {"title": _("Today"), "icon": "today", "link": reverse_lazy("admin:index")},
            page(_("Members"), "group", "encore_loyalty.member"),
        ]
    },
    {
        "title": _("Shop"),
        "separator": True,
        "items": [
            page(_("Orders"), "receipt_long", "encore_commerce.purchase"),
            page(_("Problems"), "report", "encore_commerce.purchaseproblem"),
            page(_("Possible duplicates"), "group_add", "encore_commerce.possibleduplicate"),
            page(_("Customers"), "person", "encore_commerce.customer"),
            page(_("Segments"), "filter_alt", "encore_commerce.segment"),
        ],
    },
    {
        "title": _("Offers"),
        "separator": True,
        "items": [
            page(_("Campaigns"), "campaign", "encore_loyalty.campaign"),
            page(_("Points for actions"), "celebration", "encore_loyalty.actionrule"),
            page(_("Plans"), "workspace_premium", "encore_loyalty.plan"),
            page(_("Invitations"), "mail", "encore_loyalty.invitationlist"),
            page(_("Levels"), "military_tech", "encore_loyalty.tierscheme"),
            page(_("Partners"), "handshake", "encore_loyalty.partner"),
            page(_("Statements"), "request_quote", "encore_loyalty.partnerstatement"),
            page(_("Outside programmes"), "flight", "encore_loyalty.outsideprogramme"),
            page(_("Coupons"), "sell", "encore_coupons.coupon"),
            page(_("Codes in batches"), "qr_code_2", "encore_coupons.codebatch"),
            page(_("Codes"), "pin", "encore_coupons.code"),
            page(_("Gift cards"), "redeem", "encore_coupons.giftcard"),
            page(_("Coupon sites"), "captive_portal", "encore_coupons.publishersite"),
            page(_("Sheets for sites"), "article", "encore_coupons.submission"),
            page(_("Margin"), "shield", "encore_coupons.marginfloor"),
            page(_("Agreements"), "handshake", "encore_coupons.brandagreement"),
            page(_("Codes that spread"), "crisis_alert", "encore_coupons.codealert"),
        ],
    },
    {
        "title": _("Setup"),
        "separator": True,
        "items": [
            page(_("Programme"), "loyalty", "encore_loyalty.programme"),
            page(_("Terms"), "gavel", "encore_loyalty.termsversion"),
            page(_("Channels"), "storefront", "encore_commerce.channel"),
            page(_("Products"), "inventory_2", "encore_commerce.product"),
            page(_("API keys"), "key", "encore_backstage.apikey"),
            page(_("Team"), "badge", "auth.user"),
            page(_("Roles"), "manage_accounts", "auth.group"),
            page(_("Log"), "history", "encore_backstage.auditrecord"),
            page(_("Jobs"), "schedule", "encore_backstage.jobrun"),
            page(_("Approvals"), "approval", "encore_backstage.approval"),
        ],
    },
    {
        "title": _("All records"),
        "separator": True,
        "collapsible": True,
        "items": [
            page(_("Accounts"), "account_balance_wallet", "encore_loyalty.pointsaccount"),
            page(_("Lots"), "layers", "encore_loyalty.lot"),
            page(_("Entries"), "list_alt", "encore_loyalty.entry"),
            page(_("Movements"), "swap_horiz", "encore_loyalty.movement"),
            page(_("Holds"), "lock_clock", "encore_loyalty.hold"),
            page(_("Awards"), "star", "encore_loyalty.award"),
            page(_("Actions"), "task_alt", "encore_loyalty.actionattempt"),
            page(_("Exchanges"), "currency_exchange", "encore_loyalty.transfer"),
            page(_("Points that came in"), "input", "encore_loyalty.incomingtransfer"),
            page(_("Files that went out"), "outbox", "encore_loyalty.transferfile"),
            page(_("Files that came in"), "inbox", "encore_loyalty.receivedfile"),
            page(_("Imports"), "upload_file", "encore_commerce.import"),
        ],
    },
]

UNFOLD = {
    "SITE_TITLE": "encore",
    "SITE_HEADER": "encore",
    "SITE_ICON": mark,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": mark}],
    "SIDEBAR": {"show_search": True, "show_all_applications": False, "navigation": NAVIGATION},
    "COLORS": {"primary": dict(zip(SHADES, ACCENT, strict=True))},
}
