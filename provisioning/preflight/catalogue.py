"""The checks that are made before any machine stands, by their numbers. Those from 30 on are made on the machines."""

from __future__ import annotations

from provisioning.preflight import capacity, configuration, credentials, domain, machine, names, network, releases
from provisioning.preflight.check import Check
from provisioning.preflight.running import running_version
from provisioning.run import ExitCode

_ACCOUNT = ExitCode.CLOUD

CHECKS: tuple[Check, ...] = (
    Check(1, "The cluster file has no examples left", configuration.no_examples),
    # Made first and apart: where it fails, the checks that ask AWS are not made.
    Check(2, "AWS knows who asks", credentials.known_to_aws, _ACCOUNT),
    Check(3, "The region and its zones are open", credentials.region_and_zones, _ACCOUNT, asks_aws=True),
    Check(4, "Instance types are offered in their zones", capacity.types_are_offered, asks_aws=True),
    Check(5, "The vCPU quota is enough", capacity.vcpus_are_enough, _ACCOUNT, asks_aws=True),
    Check(6, "No quota request is under way", capacity.quota_requests, _ACCOUNT, asks_aws=True),
    Check(7, "The buckets' names are free, or the cluster's", names.bucket_names, asks_aws=True),
    Check(8, "Nothing of an earlier cluster is left", names.left_over, _ACCOUNT, asks_aws=True),
    Check(9, "The machine image fits the machines", capacity.machine_image, asks_aws=True),
    Check(10, "Networks overlap no others", network.networks_are_apart, asks_aws=True),
    Check(11, "The domain is delegated to its zone", domain.zone_is_delegated, _ACCOUNT, asks_aws=True),
    Check(12, "Certificates can be issued", domain.certificates_can_be_issued, _ACCOUNT, asks_aws=True),
    Check(13, "The SSH key can be used", machine.ssh_key),
    Check(14, "Your own address is let in", network.operator_is_let_in),
    Check(15, "This machine's clock agrees with AWS's", credentials.clocks_agree, asks_aws=True),
    Check(16, "Terraform, kubectl and Helm are here", machine.programs),
    Check(17, "The version of Kubernetes goes with all else", configuration.kubernetes_version),
    Check(18, "The quotas of VPCs and addresses are enough", capacity.network_quotas, _ACCOUNT, asks_aws=True),
    Check(19, "All requests fit the nodes", releases.requests_fit),
    Check(20, "Every pod has a node that it tolerates", releases.pods_have_places),
    Check(21, "Every chart is there and renders", releases.charts_render),
    Check(22, "Secrets and ConfigMaps that pods want are made", releases.references_exist),
    Check(23, "What is scraped has its ports", releases.monitors_find_ports),
    Check(24, "The images of this version can be pulled", releases.images_are_there),
    Check(25, "The cluster's folder is safe and has room", machine.folder),
    Check(26, "A running cluster may become the wanted one", running_version),
    Check(27, "Somebody hears of alerts", releases.alerts_reach_somebody),
)
