"""Addresses of the stand-alone site. Each app brings its own under one prefix."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path
from django.utils.translation import gettext_lazy
from django.views.generic import TemplateView

from config.team import register_team

admin.site.site_title = admin.site.site_header = "encore"
admin.site.index_title = gettext_lazy("Today")
admin.site.index_template = "encore/loyalty/admin/index.html"
register_team(admin.site)

urlpatterns = [
    path("", TemplateView.as_view(template_name="home.html"), name="home"),
    path("login/", LoginView.as_view(template_name="login.html"), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("demo/", include("config.demo.urls")),
    path("club/", include("loyalty.urls")),
    path("coupons/", include("coupons.urls")),
    path("language/", include("django.conf.urls.i18n")),
    path(settings.ADMIN_PATH.lstrip("/"), admin.site.urls),
]
