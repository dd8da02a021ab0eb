"""Without Unfold every page of staff stands in Django's own admin."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SETTINGS = """
from config.settings import *

INSTALLED_APPS = [app for app in INSTALLED_APPS if app != "unfold"]
"""

VISIT = """
import django

django.setup()
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from django.test.utils import setup_test_environment
from backstage import clock
from backstage.policies import SHOP
from commerce.models import PurchaseProblem, Segment
from loyalty.operations.adjustments import give_points, request_adjustment
from loyalty.policies.adjustments import Adjustment, Deed
from tests.factories.commerce import (
    ChannelFactory, CustomerFactory, PossibleDuplicateFactory, ProductFactory, PurchaseFactory,
    PurchaseProblemFactory, SegmentFactory,
)
from tests.factories.coupons import (
    BrandAgreementFactory, CodeAlertFactory, CodeBatchFactory, CodeFactory, CouponVersionFactory,
    MarginFloorFactory, SubmissionFactory,
)
from tests.coupons.gift_cards.till import sell
from tests.factories.loyalty import (
    InvitationFactory, MemberFactory, PlanVersionFactory, ProgrammeFactory, TierFactory,
)

setup_test_environment()
call_command("migrate", verbosity=0)
programme = ProgrammeFactory(complete=True)
alice = MemberFactory(programme=programme, customer__name="alice")
give_points(member_id=alice.pk, points=10, key="gift", reason="goodwill", by=SHOP)
purchase = PurchaseFactory(customer=alice.customer)
pair = PossibleDuplicateFactory()
problem = PurchaseProblemFactory()
SegmentFactory()
ProductFactory()
wish = Adjustment(deed=Deed.GIVE, member_id=alice.pk, points=9, key="wish", reason="event", note="Late")
asked = request_adjustment(adjustment=wish, now=clock.real_now(), by=SHOP)
from loyalty.operations.outside import open_outside
from loyalty.operations.partners import open_partner
told = {"programme_id": programme.pk, "key": "p", "name": "Bakery"}
day = clock.real_now().date()
partner = open_partner(**told, starts_on=day, issued_minor=5, redeemed_minor=4)
outside = open_outside(**told, unit="miles", account_pattern="##")
client = Client()
client.force_login(get_user_model().objects.create_superuser("owner"))
shop, club = "/admin/encore_commerce/", "/admin/encore_loyalty/"
lists = [f"{shop}{name}/" for name in
    ("channel", "customer", "import", "possibleduplicate", "product", "purchase", "purchaseproblem",
     "segment")]
lists += [f"{club}{name}/" for name in
    ("award", "entry", "hold", "lot", "member", "movement", "pointsaccount", "programme", "termsversion")]
pages = [f"{club}member/{alice.pk}/{page}" for page in
    ("change/", "change/?tab=orders", "change/?tab=actions", "change/?tab=person", "points/", "merge/")]
pages += [f"{club}programme/{programme.pk}/{page}/" for page in
    ("change", "rule", "terms", "settings", "group", "rate", "limit")]
pages += [f"{club}programme/add/", f"{shop}channel/add/", f"{shop}segment/add/"]
pages += [f"{shop}purchase/{purchase.pk}/change/", f"{shop}customer/{alice.customer_id}/change/"]
pages += [f"{shop}possibleduplicate/{pair.pk}/change/", f"{shop}purchaseproblem/{problem.pk}/change/"]
cards = "/admin/encore_coupons/giftcard"
lists += [f"{cards}/", f"{cards}movement/", f"{cards}hold/"]
pages += [f"{cards}/add/", f"{cards}/limits/"]
pages += [f"{cards}/{sell().pk}/{page}/" for page in ("change", "extend", "pause", "refund", "renew", "void")]
lists += ["/admin/auth/user/", "/admin/auth/group/", "/admin/encore_backstage/approval/"]
pages += ["/admin/auth/user/1/change/", "/admin/auth/user/1/password/", "/admin/auth/user/add/"]
pages += [f"/admin/encore_backstage/approval/{asked}/change/"]
sheet, alert, coupons = SubmissionFactory(), CodeAlertFactory(), "/admin/encore_coupons/"
lists += [f"{coupons}{name}/" for name in
    ("coupon", "publishersite", "submission", "codealert", "marginfloor", "brandagreement")]
offer = CouponVersionFactory().coupon
batch = CodeBatchFactory()
code = CodeFactory(batch=batch, coupon=batch.coupon, unique=True)
lists += [f"{coupons}codebatch/", f"{coupons}code/", f"{coupons}code/?batch={batch.pk}"]
pages += [f"{coupons}codebatch/{batch.pk}/{page}/" for page in ("change", "void", "progress")]
pages += [f"{coupons}code/{code.pk}/change/", f"{coupons}codebatch/add/"]
pages += [f"{coupons}coupon/{offer.pk}/{page}/" for page in ("change", "edit")]
pages += [f"{coupons}publishersite/{sheet.site_id}/{page}/" for page in ("change", "edit")]
pages += [f"{coupons}submission/{sheet.pk}/{page}/" for page in ("change", "edit")]
pages += [f"{coupons}codealert/{alert.pk}/change/"]
pages += [f"{coupons}marginfloor/{MarginFloorFactory().pk}/change/"]
pages += [f"{coupons}brandagreement/{BrandAgreementFactory().pk}/change/"]
pages += [f"{coupons}{name}/add/" for name in
    ("coupon", "publishersite", "submission", "marginfloor", "brandagreement")]
row = InvitationFactory(invitation_list__programme=programme, sent=True).invitation_list
draft = InvitationFactory(invitation_list__programme=programme, invitation_list__draft=True).invitation_list
lists += [f"{club}invitationlist/"]
pages += [f"{club}invitationlist/{page}/" for page in
    ("add", "who", f"{row.pk}/change", f"{draft.pk}/change", f"{draft.pk}/edit")]
lists += [f"{club}{name}/" for name in
    ("partner", "partnerstatement", "outsideprogramme", "transfer", "transferfile", "receivedfile",
     "incomingtransfer")]
pages += [f"{club}partner/{partner.pk}/{page}/" for page in ("change", "price", "channel", "close", "end")]
pages += [f"{club}outsideprogramme/{outside.pk}/{page}/" for page in ("change", "rate", "upload", "end")]
pages += [f"{club}partner/add/", f"{club}outsideprogramme/add/"]
pages += ["/admin/encore_backstage/apikey/", "/admin/encore_backstage/apikey/add/"]
plan = PlanVersionFactory(plan__programme=programme).plan
lists += [f"{club}plan/"]
pages += [f"{club}plan/{page}/" for page in ("add", f"{plan.pk}/change", f"{plan.pk}/edit")]
pages += [f"{club}member/{alice.pk}/{page}" for page in ("change/?tab=plans", "plan/")]
levels = TierFactory(scheme__programme=programme).scheme
lists += [f"{club}tierscheme/"]
pages += [f"{club}tierscheme/{levels.pk}/{page}/" for page in ("change", "edit")]
pages += [f"{club}tierscheme/add/", f"{club}member/{alice.pk}/level/"]
pages += [f"{club}member/{alice.pk}/change/?tab=levels"]
for address in ["/admin/", *lists, *pages]:
    answer = client.get(address)
    page = answer.content.decode()
    if answer.status_code != 200 or "unfold" in page:
        print(address, answer.status_code)
answer = client.post(f"{coupons}codebatch/{batch.pk}/print/")
if answer.status_code != 200 or "unfold" in answer.content.decode():
    print("print", answer.status_code)
print("all stand")
"""


@pytest.mark.slow
@pytest.mark.once
def test_every_page_of_staff_stands_without_unfold(tmp_path):
    (tmp_path / "stock_settings.py").write_text(SETTINGS)
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{tmp_path / 'stock.sqlite3'}",
        "DJANGO_SETTINGS_MODULE": "stock_settings",
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path.cwd())]),
    }

    answer = subprocess.run(
        [sys.executable, "-c", VISIT],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert answer.stdout.splitlines() == ["all stand"], answer.stderr[-2000:]
