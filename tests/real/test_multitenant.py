"""django-multitenant, whose tenant is in an asgiref Local: an export has one tenant's rows."""

import pytest

from real_check import check
from real_django import Django
from real_tenants import async_orders, orders, prepare

TENANT = ("real_tenants.FirstShop",)


@pytest.fixture(scope="module", autouse=True)
def _orders(postgres):
    prepare()


def test_a_sync_export_has_the_rows_of_its_tenant(wsgi_ending, net):
    plain, _ = check(Django(orders, net=net, protocol="wsgi", middleware=TENANT), wsgi_ending)
    assert set(plain.seen.body.splitlines()) == {b"of shop 1"}


def test_an_async_export_has_the_rows_of_its_tenant(ending, net):
    plain, _ = check(Django(async_orders, net=net, middleware=TENANT), ending)
    assert set(plain.seen.body.splitlines()) == {b"of shop 1"}


@pytest.mark.parametrize("ending", ["full", "fails"])
def test_a_sync_export_of_an_async_server_has_the_rows_of_its_tenant(ending, net):
    check(Django(orders, net=net, sync_view=True, middleware=TENANT), ending)


@pytest.mark.parametrize("ending", ["full", "fails"])
def test_an_async_export_of_a_sync_server_has_the_rows_of_its_tenant(ending, net):
    check(Django(async_orders, net=net, protocol="wsgi", middleware=TENANT), ending)
