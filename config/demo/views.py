"""The demo's own pages: doors, the clock, and a shop counter to buy at and bring goods back to."""

from datetime import timedelta
from uuid import uuid4

from django.contrib import messages
from django.contrib.auth import get_user_model, login
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from backstage import clock
from backstage.conf import DEMO_CLOCK
from backstage.tasks import run_job
from commerce.operations.reactions import react
from config.demo.build import LOGINS
from config.demo.counter import bring_back, buy, list_bought
from config.demo.goods import ARTICLES, BY_SKU
from config.demo.memberships import list_for_sale, pay_at_counter
from loyalty.models import Programme

STEPS = {"day": timedelta(days=1), "week": timedelta(weeks=1), "month": timedelta(days=30)}
JOBS_OF_TIME = ("void_stale_holds", "release_due_points", "expire_due_points")


@require_POST
def move_clock(request: HttpRequest) -> HttpResponse:
    """Move the business clock on, and ask the worker to write down what that has decided."""
    _only_in_a_demo()
    step = STEPS.get(request.POST.get("by", ""))
    if step is None:
        raise Http404
    now = clock.advance(by=step)
    for name in JOBS_OF_TIME:
        # The hour's own slot may be over already; a step of the clock is a slot of its own.
        run_job.delay(name=name, slot=f"demo:{now:%Y-%m-%dT%H:%M:%S}")
    return redirect(_back(request))


@require_POST
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in as one of the demo's people without typing."""
    _only_in_a_demo()
    name = request.POST.get("as", "")
    if name not in LOGINS:
        raise Http404
    user = get_user_model().objects.get(username=name)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return redirect("encore_loyalty:points" if name == "member" else "admin:index")


@require_safe
@login_required
def counter(request: HttpRequest) -> HttpResponse:
    """Show what can be bought, and what the visitor has bought here."""
    _only_in_a_demo()
    bought = list_bought(user_id=_user_id(request))
    programme = Programme.objects.order_by("id").first()
    shown = {
        "articles": ARTICLES,
        "bought": bought,
        "plans": list_for_sale(programme) if programme else [],
        "once": uuid4(),
    }
    return render(request, "encore/demo/counter.html", shown)


@require_POST
@login_required
def order(request: HttpRequest) -> HttpResponse:
    """Place an order: tell encore the purchase as any shop would, then let the reactions run at once."""
    _only_in_a_demo()
    article = BY_SKU.get(request.POST.get("sku", ""))
    if article is None:
        raise Http404
    purchase_id = buy(user_id=_user_id(request), article=article, once=request.POST.get("once", ""))
    react([purchase_id], at=clock.now())
    messages.success(request, _("Bought: %(article)s. See your points.") % {"article": article.name})
    return redirect("demo_counter")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def plan(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Sell a plan: where the members' page leads to, and what its button does."""
    _only_in_a_demo()
    if request.method != "POST":
        return redirect(f"{reverse('demo_counter')}#plans")
    once = request.POST.get("once", "")
    if pay_at_counter(user_id=_user_id(request), plan_id=plan_id, once=once) is None:
        messages.warning(request, _("There is nothing to pay for now. Your own page says why."))
    else:
        messages.success(request, _("Paid. Your own page says what it is worth."))
    return redirect("demo_counter")


@require_POST
@login_required
def give_back(request: HttpRequest, purchase_id: int) -> HttpResponse:
    """Bring an order back: the same purchase again, with its goods returned."""
    _only_in_a_demo()
    if bring_back(user_id=_user_id(request), purchase_id=purchase_id) is None:
        raise Http404
    react([purchase_id], at=clock.now())
    messages.success(request, _("Brought back. Its points have gone back too."))
    return redirect("demo_counter")


def _only_in_a_demo() -> None:
    if not DEMO_CLOCK.get():
        raise Http404


def _user_id(request: HttpRequest) -> int:
    """Give the id of the visitor, who has signed in."""
    return int(request.user.pk or 0)


def _back(request: HttpRequest) -> str:
    """Go back where the visitor came from, if that is a page of ours."""
    there = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(there, allowed_hosts={request.get_host()})
    return there if is_ours else "/"
