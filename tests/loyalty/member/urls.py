"""The stand-alone site with the members' pages mounted where a shop may put them."""

from django.urls import include, path

from config.urls import urlpatterns as site

urlpatterns = [path("club/", include("loyalty.urls")), *site]
