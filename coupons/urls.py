"""The coupon feed. A shop mounts it where it likes: `path("coupons/", include("coupons.urls"))`."""

from django.urls import path

from coupons.views.feed import feed, site_feed

app_name = "encore_coupons"
urlpatterns = [
    path("feed.<str:form>", feed, name="feed"),
    path("sites/<str:key>/feed.<str:form>", site_feed, name="site_feed"),
]
