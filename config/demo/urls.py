"""Addresses of the demo. Outside a demo each answers 404."""

from django.urls import path

from config.demo import views

urlpatterns = [
    path("clock/", views.move_clock, name="demo_clock"),
    path("sign-in/", views.sign_in, name="demo_sign_in"),
    path("shop/", views.counter, name="demo_counter"),
    path("shop/order/", views.order, name="demo_order"),
    path("shop/plan/<int:plan_id>/", views.plan, name="demo_plan"),
    path("shop/<int:purchase_id>/back/", views.give_back, name="demo_give_back"),
]
