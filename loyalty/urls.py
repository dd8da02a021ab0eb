"""The members' pages. A shop mounts them where it likes: `path("club/", include("loyalty.urls"))`."""

from django.urls import path

from loyalty.views import exchange, invitations, pages, plans

app_name = "encore_loyalty"
urlpatterns = [
    path("", pages.points, name="points"),
    path("history/", pages.history, name="history"),
    path("history/<int:entry_id>/", pages.why, name="why"),
    path("card/", pages.card, name="card"),
    path("how-it-works/", pages.how, name="how"),
    path("join/", pages.join, name="join"),
    path("invitation/<str:token>/", invitations.show, name="invitation"),
    path("invited/opened/", invitations.note_opening, name="invitation_opened"),
    path("invited/join/", invitations.join, name="invitation_join"),
    path("plan/", plans.show, name="plan"),
    path("plan/<int:plan_id>/try/", plans.try_out, name="plan_try"),
    path("plan/cancel/", plans.cancel, name="plan_cancel"),
    path("plan/keep/", plans.keep, name="plan_keep"),
    path("exchange/", exchange.show, name="exchange"),
    path("exchange/<int:outside_id>/account/", exchange.link, name="exchange_link"),
    path("exchange/<int:outside_id>/", exchange.ask, name="exchange_ask"),
    path("exchange/off/<int:transfer_id>/", exchange.call_off, name="exchange_off"),
    path("terms/", pages.agree, name="agree"),
    path("leave/", pages.leave, name="leave"),
    path("come-back/", pages.come_back, name="come_back"),
]
