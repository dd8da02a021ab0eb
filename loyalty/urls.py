"""The members' pages. A shop mounts them where it likes: `path("club/", include("loyalty.urls"))`."""

from django.urls import path

from loyalty import views

app_name = "encore_loyalty"
urlpatterns = [
    path("", views.points, name="points"),
    path("history/", views.history, name="history"),
    path("history/<int:entry_id>/", views.why, name="why"),
    path("card/", views.card, name="card"),
    path("how-it-works/", views.how, name="how"),
    path("join/", views.join, name="join"),
    path("terms/", views.agree, name="agree"),
    path("leave/", views.leave, name="leave"),
    path("come-back/", views.come_back, name="come_back"),
]
