"""Shops and their orders in PostgreSQL, kept apart by django-multitenant."""

from __future__ import annotations

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.db import connections, models
from django_multitenant.models import TenantModel
from django_multitenant.utils import get_current_tenant, set_current_tenant

from real_spans import note


class Shop(TenantModel):
    name = models.TextField()

    class Meta:
        app_label = "real"

    class TenantMeta:
        tenant_field_name = "id"


class Order(TenantModel):
    shop = models.ForeignKey(Shop, on_delete=models.CASCADE)
    text = models.TextField()

    class Meta:
        app_label = "real"

    class TenantMeta:
        tenant_field_name = "shop_id"


def prepare():
    """Two shops with three orders each, in turns."""
    with connections["postgres"].schema_editor() as editor:
        editor.create_model(Shop)
        editor.create_model(Order)
    Shop.objects.using("postgres").bulk_create(Shop(id=number, name="shop") for number in (1, 2))
    Order.objects.using("postgres").bulk_create(
        Order(shop_id=number % 2 + 1, text=f"of shop {number % 2 + 1}\n") for number in range(6)
    )
    connections["postgres"].close()


class FirstShop:
    """Middleware: all requests are of the first shop."""

    async_capable = sync_capable = True

    def __init__(self, get_response):
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request):
        set_current_tenant(Shop(id=1))
        return self.get_response(request)


def orders(turn):
    try:
        for order in Order.objects.using("postgres").order_by("pk").iterator():
            note(order.text)
            yield order.text
            turn.next()
    finally:
        note(get_current_tenant().pk)


async def async_orders(turn):
    try:
        async for order in Order.objects.using("postgres").order_by("pk"):
            note(order.text)
            yield order.text
            await turn.anext()
    finally:
        note(get_current_tenant().pk)
