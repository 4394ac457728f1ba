# The whole configuration, without a cloud: `terraform test`. Mocked resources have made-up ids; what is asserted here is
# what the configuration itself says.

mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "us_east_1"
  source = "./tests/mocks"
}

variables {
  ssh_public_key    = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGbpT0mUfnJGNEBHBBfHPLYZ2B1CZE2EwMJSWsb0pXoX operator"
  host_public_keys  = { for node in yamldecode(file("../cluster.yaml")).nodes : node.name => "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGbpT0mUfnJGNEBHBBfHPLYZ2B1CZE2EwMJSWsb0pXoX ${node.name}" }
  host_private_keys = { for node in yamldecode(file("../cluster.yaml")).nodes : node.name => "the private half" }
}

run "the_cluster_of_the_file_open_to_its_allow_lists_alone" {
  assert {
    condition     = toset(keys(output.nodes)) == toset([for node in yamldecode(file("../cluster.yaml")).nodes : node.name])
    error_message = "Every node of the file, and no other, must be made."
  }

  assert {
    condition     = alltrue([for node in yamldecode(file("../cluster.yaml")).nodes : output.nodes[node.name].role == node.role])
    error_message = "A node's role is the file's."
  }

  assert {
    condition     = alltrue([for node in output.nodes : startswith(node.provider_id, "aws:///") && endswith(node.provider_id, "/${node.instance_id}")])
    error_message = "A provider id is aws:///ZONE/INSTANCE."
  }

  assert {
    condition     = toset(keys(aws_subnet.public)) == toset(yamldecode(file("../cluster.yaml")).zones)
    error_message = "There is a subnet in each zone."
  }

  assert {
    condition     = length(output.api.addresses) == 1
    error_message = "The control plane has a fixed address."
  }

  assert {
    condition     = output.domain.hosted_zone_id != null && output.domain.certificate_arn != null
    error_message = "With a domain there are a zone and a certificate."
  }

  assert {
    condition     = aws_cloudfront_distribution.images.viewer_certificate[0].minimum_protocol_version == "TLSv1.2_2021"
    error_message = "With a domain the CDN speaks TLS 1.2 or newer."
  }

  assert {
    condition     = aws_cloudfront_cache_policy.images.default_ttl == 604800
    error_message = "The CDN keeps a picture for seven days."
  }

  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.ssh : rule.cidr_ipv4]) == toset(yamldecode(file("../cluster.yaml")).access.ssh_from)
    error_message = "Port 22 is open to access.ssh_from alone."
  }

  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.api : rule.cidr_ipv4]) == toset(yamldecode(file("../cluster.yaml")).access.api_from)
    error_message = "Port 6443 is open to access.api_from alone."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.node_ports.referenced_security_group_id == aws_security_group.load_balancer.id && aws_vpc_security_group_ingress_rule.node_ports.cidr_ipv4 == null
    error_message = "NodePorts are the load balancer's alone."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.nodes.referenced_security_group_id == aws_security_group.cluster.id && aws_vpc_security_group_ingress_rule.nodes.cidr_ipv4 == null
    error_message = "Everything is open between the nodes, and to nobody else."
  }

  assert {
    condition     = length(aws_default_security_group.unused.ingress) == 0 && length(aws_default_security_group.unused.egress) == 0
    error_message = "The VPC's own group lets nothing through."
  }
}

run "another_file_without_a_domain" {
  variables {
    cluster_file      = "tests/small.yaml"
    host_public_keys  = { for node in ["master", "api", "work"] : node => "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGbpT0mUfnJGNEBHBBfHPLYZ2B1CZE2EwMJSWsb0pXoX ${node}" }
    host_private_keys = { for node in ["master", "api", "work"] : node => "the private half" }
  }

  assert {
    condition     = length(output.nodes) == 3
    error_message = "The nodes are those of the file that was named."
  }

  assert {
    condition     = output.domain == { name = null, hosted_zone_id = null, certificate_arn = null }
    error_message = "Without a domain there is no zone and no certificate."
  }

  assert {
    condition     = length(aws_route53_record.cdn) + length(aws_route53_record.proof) + length(aws_acm_certificate.public) + length(aws_acm_certificate.cdn) == 0
    error_message = "Without a domain nothing of it is made."
  }

  assert {
    condition     = length(aws_cloudfront_distribution.images.aliases) == 0 && aws_cloudfront_distribution.images.viewer_certificate[0].cloudfront_default_certificate
    error_message = "Without a domain the CDN has its own name."
  }

  assert {
    condition     = startswith(output.cdn.url, "https://") && output.cdn.url != "https://"
    error_message = "The CDN can be reached without a domain."
  }

  assert {
    condition     = keys(aws_vpc_security_group_ingress_rule.api) == ["198.51.100.7/32", "198.51.100.8/32"]
    error_message = "Each entry of an allow-list is a rule."
  }

  # Rights go where the pods are: ai runs on every node, the EBS driver's controller on the control plane.
  assert {
    condition = keys(aws_iam_role_policy.node) == [
      "api/every-node", "api/load-balancer", "api/pictures",
      "control-plane/backup-etcd", "control-plane/cloud-controller", "control-plane/ebs-csi", "control-plane/every-node", "control-plane/pictures",
      "worker/backup-database", "worker/backup-redis", "worker/every-node", "worker/pictures",
    ]
    error_message = "A kind of node has the rights of the pods that are placed on it."
  }
}
