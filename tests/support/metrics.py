"""Scrapes of `/metrics`, parsed."""

from collections.abc import Callable

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.support.server import RunningServer


class Page:
    """One scrape. `page("name", label="value")` adds up the samples that have these labels."""

    def __init__(self, answer: httpx.Response) -> None:
        assert answer.status_code == 200
        families = text_string_to_metric_families(answer.text)
        self.samples = [sample for family in families for sample in family.samples]

    def __call__(self, name: str, **labels: str) -> float:
        return sum(each.value for each in self.samples if each.name == name and labels.items() <= each.labels.items())

    def names(self) -> set[str]:
        return {each.name for each in self.samples}

    def labels(self, name: str) -> list[dict[str, str]]:
        return [dict(each.labels) for each in self.samples if each.name == name]


def scrape(server: RunningServer, until: Callable[[Page], bool] = lambda _: True) -> Page:
    """Scrape until `until` is true, 2,000 times at most: a request is counted a moment after its answer."""
    with server.client() as client:
        for _ in range(2000):
            page = Page(client.get("/metrics"))
            if until(page):
                return page
    raise AssertionError(page.samples)
