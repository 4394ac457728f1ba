"""The CDN: the distribution, switched off before it can be deleted, and what it refers to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from provisioning.run import Step
from provisioning.teardown.errors import NotNow
from provisioning.teardown.network import Vpcs
from provisioning.teardown.things import Cloud, Kind, Thing, tags_of

# CloudFront takes 5 to 15 minutes to tell all its places.
DEPLOYING_S = 2400.0


class EnabledDistributions(Kind):
    """Switching off is a step of its own, and early: what takes CloudFront so long passes while other things go."""

    name = "distribution"
    verb = "switch off"

    def find(self, cloud: Cloud) -> list[Thing]:
        return [each for each in Distributions().find(cloud) if each.raw["Enabled"]]

    def remove(self, cloud: Cloud, step: Step, thing: Thing) -> None:
        switch_off(cloud, thing.id)


class Distributions(Kind):
    name = "distribution"
    bound_s = DEPLOYING_S

    def find(self, cloud: Cloud) -> list[Thing]:
        found = []
        for each in cloud.account.every("cloudfront", "ListDistributions", "DistributionList.Items"):
            answer = cloud.account.ask("cloudfront", "ListTagsForResource", Resource=each["ARN"])
            why = cloud.why(tags_of(answer["Tags"]["Items"]))
            if why is not None:
                found.append(self.thing(each["Id"], each["DomainName"], why, each))
        return found

    def remove(self, cloud: Cloud, step: Step, thing: Thing) -> None:
        answer = cloud.account.ask("cloudfront", "GetDistribution", Id=thing.id)
        if answer["Distribution"]["DistributionConfig"]["Enabled"]:
            switch_off(cloud, thing.id)
            raise NotNow("CloudFront is switching it off everywhere")
        if answer["Distribution"]["Status"] != "Deployed":
            raise NotNow("CloudFront is switching it off everywhere, which takes up to 15 minutes")
        cloud.account.ask("cloudfront", "DeleteDistribution", Id=thing.id, IfMatch=answer["ETag"])


class _Named(Kind):
    """What has no tags: known by its whole name, ``<cluster>-images-<id of the cluster's VPC>`` (cdn.tf).

    Where that VPC is gone already, it counts as long as no distribution uses it.
    """

    listing: tuple[str, str, str]  # action, the path of the answer, the part that holds it
    config: str
    get: str
    deletion: str
    used: tuple[str, ...]

    def find(self, cloud: Cloud) -> list[Thing]:
        vpcs = {each.id for each in Vpcs().find(cloud)}
        named = re.compile(rf"{re.escape(cloud.cluster.name)}-images-(vpc-[0-9a-f]+)")
        in_use: set[str] | None = None
        found = []
        for id, name in self.listed(cloud):
            match = named.fullmatch(name)
            if match is None:
                continue
            if match[1] not in vpcs:
                in_use = self.in_use(cloud) if in_use is None else in_use
                if id in in_use:
                    continue
            found.append(self.thing(id, name, "the whole name, with the id of the cluster's VPC"))
        return found

    def listed(self, cloud: Cloud) -> Iterator[tuple[str, str]]:
        action, path, part = self.listing
        marker: dict[str, str] = {}
        while True:
            answer = cloud.account.ask("cloudfront", action, **marker)[path]
            for each in answer.get("Items", ()):
                held = each[part] if part else each
                config = held[self.config] if self.config else held
                yield str(held["Id"]), str(config["Name"])
            if not answer.get("NextMarker"):
                return
            marker = {"Marker": answer["NextMarker"]}

    def in_use(self, cloud: Cloud) -> set[str]:
        ours = {each.id for each in Distributions().find(cloud)}
        others = cloud.account.every("cloudfront", "ListDistributions", "DistributionList.Items")
        return {id for each in others if each["Id"] not in ours for id in _referred(each, self.used)}

    def remove(self, cloud: Cloud, step: Step, thing: Thing) -> None:
        answer = cloud.account.ask("cloudfront", self.get, Id=thing.id)
        cloud.account.ask("cloudfront", self.deletion, Id=thing.id, IfMatch=answer["ETag"])


class OriginAccessControls(_Named):
    name = "origin access control"
    listing = ("ListOriginAccessControls", "OriginAccessControlList", "")
    config = ""
    get = "GetOriginAccessControl"
    deletion = "DeleteOriginAccessControl"
    used = ("OriginAccessControlId",)


class CachePolicies(_Named):
    name = "cache policy"
    listing = ("ListCachePolicies", "CachePolicyList", "CachePolicy")
    config = "CachePolicyConfig"
    get = "GetCachePolicy"
    deletion = "DeleteCachePolicy"
    used = ("CachePolicyId",)


class ResponseHeadersPolicies(_Named):
    name = "response headers policy"
    listing = ("ListResponseHeadersPolicies", "ResponseHeadersPolicyList", "ResponseHeadersPolicy")
    config = "ResponseHeadersPolicyConfig"
    get = "GetResponseHeadersPolicy"
    deletion = "DeleteResponseHeadersPolicy"
    used = ("ResponseHeadersPolicyId",)


def switch_off(cloud: Cloud, id: str) -> None:
    """Asks for it; that CloudFront has done so everywhere comes later."""
    answer = cloud.account.ask("cloudfront", "GetDistributionConfig", Id=id)
    config = answer["DistributionConfig"]
    if config["Enabled"]:
        config["Enabled"] = False
        cloud.account.ask("cloudfront", "UpdateDistribution", Id=id, IfMatch=answer["ETag"], DistributionConfig=config)


def _referred(said: Any, keys: tuple[str, ...]) -> Iterator[str]:
    """All values under these keys, however deep."""
    if isinstance(said, dict):
        for key, value in said.items():
            if key in keys and isinstance(value, str):
                yield value
            yield from _referred(value, keys)
    elif isinstance(said, list):
        for each in said:
            yield from _referred(each, keys)
