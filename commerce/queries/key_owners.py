"""Channels as owners of API keys: a till of a store, the phone desk's screen."""

from commerce.models import Channel


def list_channels() -> list[tuple[str, str]]:
    """Give id and name of every channel. Queries: 1."""
    return [(str(pk), name) for pk, name in Channel.objects.order_by("name").values_list("pk", "name")]


def name_channel(owner_id: str) -> str:
    """Name one channel. Queries: 1."""
    return Channel.objects.filter(pk=owner_id).values_list("name", flat=True).first() or owner_id
