"""What staff see and do about batches of codes and single codes."""

import csv
import io
import zipfile

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.translation import override

from backstage.models import AuditRecord
from coupons.admin import batch_files, batches, workbook
from coupons.models import Code, CodeBatch
from coupons.operations.batches import pause_batch, request_batch
from coupons.operations.code_making import make_codes
from coupons.policies.code_text import spell
from tests.factories.commerce import CustomerFactory
from tests.factories.coupons import NOON, CodeBatchFactory, CodeFactory, CouponFactory

pytestmark = pytest.mark.django_db
# What codes go out as.
FILES = ("csv", "xlsx", "print")


@pytest.fixture(autouse=True)
def noon(clock):
    clock.move_to(NOON)


@pytest.fixture
def coupon():
    return CouponFactory(name="Spring")


def at(page="changelist", *args, model="codebatch"):
    return reverse(f"admin:encore_coupons_{model}_{page}", args=args)


def told(coupon, **more):
    return {
        "count": "50",
        "places": "",
        "begins": "sun-",
        "last_day": "2026-05-31",
        "coupon": str(coupon.pk),
        "name": "Flyers",
        "request_key": "click",
        **more,
    }


def ask(coupon, count=5, **more):
    return request_batch(coupon_id=coupon.pk, name="Flyers", count=count, prefix="SUN", at=NOON, **more)


def read(answer) -> str:
    return answer.content.decode()


# -- asking for one ------------------------------------------------------------------------------------------


def test_a_batch_is_asked_for_in_a_sentence_and_made_once(admin_client, coupon):
    page = admin_client.get(at("add"))
    assert "Make so many codes" in read(page)

    for _ in range(2):
        answer = admin_client.post(at("add"), {**told(coupon), "save": "1"})

    batch = CodeBatch.objects.get()
    assert (answer.url, batch.made_count, batch.prefix) == (at("change", batch.pk), 50, "SUN")
    # The coupon's own zone is Oslo, two hours before UTC in May.
    assert batch.ends_at.isoformat() == "2026-05-31T22:00:00+00:00"
    shown = read(admin_client.get(answer.url))
    assert "50 codes such as SUN-" in shown
    assert "each good once, until May 31, 2026." in shown
    assert "one hit in about 7,556,039,966 tries" in shown


def test_the_preview_says_what_the_codes_look_like_and_saves_nothing(admin_client, coupon):
    page = read(admin_client.post(at("preview"), told(coupon, count="5000")))

    assert "5,000 codes such as SUN-" in page
    assert "one hit in about 75,560,399 tries" in page
    assert page.count("<li>SUN-") == 3
    assert (CodeBatch.objects.count(), Code.objects.count()) == (0, 0)


def test_what_is_refused_stands_beside_its_gap_with_the_fix(admin_client, coupon):
    form = told(coupon, count="1000000", places="8")

    page = admin_client.post(at("add"), {**form, "save": "1"})

    assert page.status_code == 422
    assert list(page.context["form"].errors) == ["places"]
    assert "Use 9 random letters or more" in read(page)
    assert "Use 9 random letters or more" in read(admin_client.post(at("preview"), form))
    assert not CodeBatch.objects.exists()


# -- one batch -----------------------------------------------------------------------------------------------


def test_a_batch_that_is_being_made_shows_how_far_it_is(admin_client, coupon):
    batch = CodeBatchFactory(coupon=coupon, prefix="SUN", wanted_count=40)
    assert "Made so far: 0 of 40. It goes on within a minute." in read(
        admin_client.get(at("change", batch.pk))
    )

    make_codes(batch_id=batch.pk, at_most=30, at=NOON)

    fragment = read(admin_client.get(at("progress", batch.pk)))
    assert 'max="40" value="30"' in fragment
    assert "Made so far: 30 of 40." in fragment
    assert f'data-encore-refresh="{at("progress", batch.pk)}"' in fragment
    make_codes(batch_id=batch.pk, at_most=30, at=NOON)
    assert "data-encore-refresh" not in read(admin_client.get(at("progress", batch.pk)))


def test_a_batch_is_paused_goes_on_is_topped_up_and_ends_with_numbers_asked_first(admin_client, coupon):
    batch = ask(coupon)

    admin_client.post(at("pause", batch.pk))
    assert CodeBatch.objects.get().state == "paused"
    admin_client.post(at("resume", batch.pk))
    for _ in range(2):
        admin_client.post(at("top_up", batch.pk), {"more": "7", "seen_count": "5"})
    assert Code.objects.count() == 12
    asked = read(admin_client.get(at("void", batch.pk)))
    assert "12 codes that nobody has used become void for good." in asked
    assert CodeBatch.objects.get().state == "ready"
    admin_client.post(at("void", batch.pk))

    batch.refresh_from_db()
    assert (batch.state, batch.made_count) == ("void", 12)
    assert admin_client.post(at("top_up", batch.pk), {"more": "x", "seen_count": "12"}).status_code == 422
    admin_client.post(at("top_up", batch.pk), {"more": "1", "seen_count": "12"})
    assert Code.objects.count() == 12


# -- taken out -----------------------------------------------------------------------------------------------


def csv_of(client, batch, language="en"):
    answer = client.post(at("csv", batch.pk), headers={"accept-language": language})
    return b"".join(answer.streaming_content).decode("utf-8")


def test_codes_go_out_as_csv_while_they_are_read_and_it_is_written_down(admin_client, coupon, settings):
    settings.ENCORE = {**settings.ENCORE, "CODE_LINK": "https://shop.example/?code={code}"}
    batch = ask(coupon)
    Code.objects.filter(id=Code.objects.first().pk).update(used_count=1)

    text = csv_of(admin_client, batch)

    assert text.startswith("\ufeffCode,Link,")
    rows = list(csv.reader(io.StringIO(text)))
    first = Code.objects.order_by("id")[0].code
    assert len(rows) == 6
    assert rows[1] == [spell(first, prefix="SUN"), f"https://shop.example/?code={first}", "", "Used"]
    assert rows[2][3] == "Ready"
    record = AuditRecord.objects.get(kind="codes_exported")
    assert (record.after, record.by_label) == ({"form": "csv", "codes": 5}, "owner")


def test_a_link_that_looks_like_a_formula_stays_text(admin_client, coupon, settings):
    settings.ENCORE = {**settings.ENCORE, "CODE_LINK": "=HYPERLINK({code})"}

    text = csv_of(admin_client, ask(coupon, count=1))

    assert "'=HYPERLINK(SUN" in text


def test_where_a_comma_parts_cents_cells_are_parted_by_semicolons(coupon):
    batch = ask(coupon, count=1)
    with override("pl"):
        assert next(batch_files.write_csv(batch)).count(";") == 3


def test_codes_go_out_as_a_workbook_of_as_many_sheets_as_they_need(admin_client, coupon, monkeypatch):
    for module in (batch_files, workbook):
        monkeypatch.setattr(module, "MOST_ROWS", 4)
    batch = ask(coupon)

    answer = admin_client.post(at("xlsx", batch.pk))

    assert answer["Content-Disposition"] == 'attachment; filename="flyers.xlsx"'
    assert answer["Content-Type"].endswith("spreadsheetml.sheet")
    assert AuditRecord.objects.get(kind="codes_exported").after == {"form": "xlsx", "codes": 5}
    book = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    sheets = [name for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
    assert [book.read(name).count(b"<row>") for name in sheets] == [4, 3]
    assert spell(Code.objects.order_by("id")[0].code, prefix="SUN").encode() in book.read(sheets[0])


def test_a_file_speaks_the_language_in_which_it_was_asked_for_to_its_last_row(coupon):
    batch = ask(coupon, count=1)
    with override("nb"):
        lines, parts = batch_files.write_csv(batch), batch_files.write_xlsx(batch)

    assert "Klar" in "".join(lines)
    book = zipfile.ZipFile(io.BytesIO(b"".join(parts)))
    assert b"Klar" in book.read("xl/worksheets/sheet1.xml")


def test_labels_are_printed_for_those_that_may_still_be_used(admin_client, coupon):
    batch = ask(coupon)
    used, free = Code.objects.order_by("id")[:2]
    Code.objects.filter(id=used.pk).update(used_count=1)

    page = read(admin_client.post(at("print", batch.pk)))

    assert page.count("<article>") == 4
    assert (spell(free.code, prefix="SUN") in page, spell(used.code, prefix="SUN") in page) == (True, False)
    assert page.count("<path d=") == 4
    assert AuditRecord.objects.get(kind="codes_exported").after == {"form": "paper", "codes": 5}


def test_the_next_sheets_are_asked_for_by_a_button_too(admin_client, coupon, monkeypatch):
    monkeypatch.setattr(batches, "ON_PAPER", 2)
    batch = ask(coupon)

    first = admin_client.post(at("print", batch.pk))
    second = admin_client.post(at("print", batch.pk), {"after": first.context["after"]})

    assert 'href="?after' not in read(first)
    codes = [spell(code.code, prefix="SUN") for code in Code.objects.order_by("id")]
    printed = [[label["written"] for label in page.context["labels"]] for page in (first, second)]
    assert printed == [codes[:2], codes[2:4]]
    assert AuditRecord.objects.filter(kind="codes_exported").count() == 2


def test_looking_takes_nothing_out_and_writes_nothing_down(admin_client, coupon):
    batch = ask(coupon)

    answers = [admin_client.get(at(file, batch.pk)) for file in FILES]

    assert {answer.status_code for answer in answers} == {405}
    assert not AuditRecord.objects.filter(kind="codes_exported").exists()


def test_nobody_elses_page_takes_codes_out(admin_user, coupon):
    batch = ask(coupon)
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)

    answers = [client.post(at(file, batch.pk)) for file in FILES]

    assert {answer.status_code for answer in answers} == {403}
    assert not AuditRecord.objects.filter(kind="codes_exported").exists()


def test_who_may_only_look_changes_nothing_and_takes_nothing_out(client, coupon, django_user_model):
    batch = ask(coupon)
    code = Code.objects.first()
    user = django_user_model.objects.create_user("mallory", is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=["view_codebatch", "view_code"]))
    client.force_login(user)

    answers = [
        client.get(at("add")),
        client.post(at("preview"), told(coupon)),
        *(client.post(at(deed, batch.pk)) for deed in ("pause", "resume", "top_up", "void")),
        *(client.post(at(file, batch.pk)) for file in FILES),
        *(client.post(at(deed, code.pk, model="code")) for deed in ("bind", "void")),
    ]

    assert {answer.status_code for answer in answers} == {403}
    assert client.get(at("change", batch.pk)).status_code == 200
    assert not AuditRecord.objects.exclude(kind="batch_requested").exists()


# -- lists and single codes ----------------------------------------------------------------------------------


def test_a_code_is_found_in_any_spelling(admin_client, coupon):
    ask(coupon)
    code = Code.objects.order_by("id")[3]

    for typed in (code.code, f"sun {code.code[3:].lower()}", spell(code.code, prefix="SUN")):
        page = admin_client.get(at(model="code"), {"q": typed})
        assert [row.pk for row in page.context["cl"].result_list] == [code.pk]

    assert not admin_client.get(at(model="code"), {"q": "RAIN"}).context["cl"].result_list


@pytest.mark.parametrize("query", [{}, {"q": "sun"}, {"batch": "of the first"}])
def test_a_list_of_many_codes_asks_as_often_as_one_of_few(admin_client, coupon, query):
    first, counts = ask(coupon, count=2), []
    asked = {**query, "batch": str(first.pk)} if "batch" in query else query

    for _ in range(2):
        with CaptureQueriesContext(connection) as seen:
            page = admin_client.get(at(model="code"), asked)
        counts.append(len(seen))
        assert not [one["sql"] for one in seen if "COUNT(" in one["sql"]]
        CodeBatch.objects.filter(id=first.pk).update(wanted_count=200)
        make_codes(batch_id=first.pk, at_most=200, at=NOON)

    assert counts[0] == counts[1]
    assert page.context["cl"].next_link


def test_the_page_of_a_batch_counts_no_codes(admin_client, coupon):
    batch, counts = ask(coupon), []

    for _ in range(2):
        with CaptureQueriesContext(connection) as seen:
            admin_client.get(at("change", batch.pk))
        counts.append(len(seen))
        assert not [one["sql"] for one in seen if "COUNT(" in one["sql"]]
        CodeBatch.objects.update(wanted_count=3_000)
        make_codes(batch_id=batch.pk, at_most=3_000, at=NOON)

    assert counts[0] == counts[1]


def test_one_code_is_bound_ended_and_made_void_on_its_page(admin_client, coupon):
    ask(coupon)
    code, alice = Code.objects.first(), CustomerFactory(name="Alice")
    page = at("change", code.pk, model="code")

    admin_client.post(
        at("bind", code.pk, model="code"), {"customer": str(alice.pk), "last_day": "2026-03-31"}
    )
    shown = read(admin_client.get(page))
    assert ("Alice" in shown, "March 31, 2026" in shown) == (True, True)
    assert admin_client.post(at("bind", code.pk, model="code"), {"customer": "999"}).status_code == 422
    admin_client.post(at("void", code.pk, model="code"))

    code.refresh_from_db()
    assert (code.state, code.customer_id, CodeBatch.objects.get().void_count) == ("void", alice.pk, 1)
    assert "What you can do" not in read(admin_client.get(page))


def test_lists_say_how_everything_stands(admin_client, coupon):
    pause_batch(batch_id=ask(coupon).pk, at=NOON)
    CodeBatchFactory(coupon=coupon, name="Letters", wanted_count=7)
    CodeFactory(coupon=coupon, code="SPRING", written="Spring!")

    batches, codes = read(admin_client.get(at())), read(admin_client.get(at(model="code")))

    assert all(words in batches for words in ("Paused", "Being made", "0 of 7"))
    assert "Spring!" in codes
