"""What can be changed about a programme: each thing with its form, its consequences and its operation."""

from django.utils.translation import gettext_lazy

from loyalty.admin.campaign_limit_form import CampaignLimitForm, explain_campaign_limit
from loyalty.admin.closing_form import CloseForm
from loyalty.admin.consequences import (
    explain_closing,
    explain_group,
    explain_rate,
    explain_rule,
    explain_settings,
    explain_terms,
)
from loyalty.admin.limit_form import LimitForm, explain_limit
from loyalty.admin.programme_change import Change
from loyalty.admin.programme_forms import GroupForm, RateForm, RuleForm, TermsForm
from loyalty.admin.settings_form import SettingsForm
from loyalty.admin.text_form import TextForm, explain_text
from loyalty.operations import programme as operations
from loyalty.operations.campaign_limits import set_campaign_limit
from loyalty.operations.changes.closing import close_programme
from loyalty.operations.changes.text import publish_terms
from loyalty.operations.limits import set_limit
from loyalty.policies.changes.subjects import Subject

CHANGES: dict[str, Change] = {
    "rule": Change(
        gettext_lazy("What an order gives"),
        RuleForm,
        explain_rule,
        operations.change_rule,
        gettext_lazy("Change what an order gives"),
        Subject.RULE,
    ),
    "terms": Change(
        gettext_lazy("When points are ready and when they end"),
        TermsForm,
        explain_terms,
        operations.change_terms,
        gettext_lazy("Change when points are ready and end"),
        Subject.TERMS,
    ),
    "settings": Change(
        gettext_lazy("Settings"),
        SettingsForm,
        explain_settings,
        operations.change_settings,
        gettext_lazy("Change the settings"),
        Subject.SETTINGS,
    ),
    "text": Change(
        gettext_lazy("The terms of the club"),
        TextForm,
        explain_text,
        publish_terms,
        gettext_lazy("Publish the terms"),
    ),
    "close": Change(
        gettext_lazy("Close the club"),
        CloseForm,
        explain_closing,
        close_programme,
        gettext_lazy("Announce the end of the club"),
    ),
    "group": Change(
        gettext_lazy("Add a product group"),
        GroupForm,
        explain_group,
        operations.add_product_group,
        gettext_lazy("Add the group"),
    ),
    "rate": Change(
        gettext_lazy("Add an exchange rate"),
        RateForm,
        explain_rate,
        operations.add_exchange_rate,
        gettext_lazy("Add the rate"),
    ),
    "limit": Change(
        gettext_lazy("What staff may give and take by hand"),
        LimitForm,
        explain_limit,
        set_limit,
        gettext_lazy("Set the limit"),
    ),
    "campaign_limit": Change(
        gettext_lazy("Which campaigns staff may switch on"),
        CampaignLimitForm,
        explain_campaign_limit,
        set_campaign_limit,
        gettext_lazy("Set the limit"),
    ),
}
