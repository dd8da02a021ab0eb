"""What is done with one thing by a button: switch it on, pause it, end it, and take that back for a minute.

    class PlanAdmin(DeedsAdmin):
        named = "plan_id"                                       # as the operations call it
        refusals = (operations.PlanStepRefused,)
        deeds = {"start": Deed(operations.switch_on_plan, said=…, meaning=…, label=…), …}

Each deed is a POST to `<id>/<name>/` below the list. Its page includes `deeds.html`, and `undo.html` where a
deed can be taken back.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from backstage import clock
from backstage.admin.base import by_staff
from backstage.admin.pages import OwnPagesAdmin, page_url
from backstage.admin.undo import find_undo, offer_undo, read_undo, say_undone
from backstage.operations.approvals import ReasonMissingError
from backstage.registry import Text

Operate = Callable[..., Any]
# What the button "ask" means and says: it stands in the place of the deed that needs a second person.
ASK = (
    gettext_lazy("Somebody else looks at it first. It is switched on once they approve."),
    gettext_lazy("Ask to switch it on"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One button. `operate` takes the thing's id under its name, `at` and `by`; `undo` takes it back.

    `meaning` stands beside the button, `label` on it, and `said` is the answer.
    """

    operate: Operate
    said: Text
    meaning: Text
    label: Text
    undo: Operate | None = None


class DeedsAdmin(OwnPagesAdmin):
    """One whose things are switched on, paused and ended by buttons."""

    named: ClassVar[str]
    deeds: ClassVar[Mapping[str, Deed]]
    # What the operations raise where a deed cannot be done; their text is shown.
    refusals: ClassVar[tuple[type[Exception], ...]] = ()
    # The operation that asks somebody else to do it, if there is one: takes `reason` and `now`, too.
    asking: ClassVar[tuple[Operate, ...]] = ()

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses of the deeds."""
        deeds = [page_url(self, name, require_POST(self._doer(name))) for name in self.deeds]
        if self._undoable():
            deeds.append(page_url(self, "undo", require_POST(self.undo_view)))
        if self.asking:
            deeds.append(page_url(self, "ask", require_POST(self.ask_view)))
        return [*deeds, *super().get_urls()]

    def tell_deeds(self, names: Iterable[str]) -> list[tuple[str, Text, Text]]:
        """Give the buttons of a page: name, meaning, label."""
        return [(name, self.deeds[name].meaning, self.deeds[name].label) for name in names]

    def find_undo(self, request: HttpRequest, obj: Model) -> str:
        """Give what the button posts that takes the last deed back; nothing where there is none."""
        return find_undo(request, obj, self._undoable())

    # -- the answers -----------------------------------------------------------------------------------------

    def _doer(self, name: str) -> Callable[..., HttpResponse]:
        deed = self.deeds[name]

        def view(request: HttpRequest, object_id: str) -> HttpResponse:
            obj = self.get_for_change(request, object_id)
            is_done = self._try(request, obj, deed.operate, deed.said)
            if not self.model._default_manager.filter(pk=obj.pk).exists():
                return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
            if is_done:
                self.follow_up(request, obj.pk)
            offered = offer_undo(obj, name) if is_done and deed.undo else ""
            return redirect(self.address_of(obj.pk) + offered)

        return view

    def undo_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take back what was done a moment ago."""
        obj = self.get_for_change(request, object_id)
        undoable = self._undoable()
        if name := read_undo(request, obj, undoable):
            self._try(request, obj, undoable[name], say_undone())
        return redirect(self.address_of(obj.pk))

    def ask_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask somebody else to do it."""
        obj = self.get_for_change(request, object_id)
        asked = {"reason": request.POST.get("reason", ""), "now": clock.real_now()}
        self._try(request, obj, self.asking[0], _("Sent for approval. Nothing has changed yet."), **asked)
        return redirect(self.address_of(obj.pk))

    def follow_up(self, request: HttpRequest, pk: Any) -> None:
        """Do what follows a deed at once; nothing, unless an admin says so."""

    def say_refusal(self, request: HttpRequest, obj: Any, refusal: Exception) -> str:
        """Say why a deed was not done: mostly that somebody was faster, and where the thing stands by now."""
        state = getattr(refusal, "state", None)
        if state is None:
            return str(refusal)
        label = self.model(state=state).get_state_display()
        return _("Somebody was faster. It stands elsewhere by now: %(state)s.") % {"state": label}

    def _try(self, request: HttpRequest, obj: Model, operate: Any, said: Text, **more: Any) -> bool:
        refused: tuple[type[Exception], ...] = (ReasonMissingError, *self.refusals)
        try:
            operate(**{self.named: obj.pk}, at=clock.now(), by=by_staff(request.user), **more)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        except refused as refusal:
            messages.warning(request, self.say_refusal(request, obj, refusal))
        else:
            messages.success(request, str(said))
            return True
        return False

    def _undoable(self) -> dict[str, Operate]:
        return {name: deed.undo for name, deed in self.deeds.items() if deed.undo is not None}
