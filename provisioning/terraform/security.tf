# All nodes share one security group, and it names no other that names it back: groups that refer to each other cannot be
# deleted in any order. Rules are resources of their own, never inline: the two ways undo each other.

locals {
  access     = local.cluster.access
  node_ports = { from = 30000, to = 32767 }

  # A rule says this when an allow-list names too much; see access.anywhere in the cluster file.
  too_wide = "is wider than a /8. If that is meant, name it in access.anywhere of the cluster file."
}

resource "aws_security_group" "cluster" {
  name_prefix            = "${local.name}-cluster-"
  description            = "The nodes of ${local.name}"
  vpc_id                 = aws_vpc.main.id
  revoke_rules_on_delete = true

  tags = { Name = "${local.name}-cluster" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "nodes" {
  description                  = "Everything between the nodes: API server, etcd, kubelet, VXLAN, Typha, webhooks"
  security_group_id            = aws_security_group.cluster.id
  referenced_security_group_id = aws_security_group.cluster.id
  ip_protocol                  = "-1"

  tags = { Name = "${local.name}-nodes" }
}

resource "aws_vpc_security_group_ingress_rule" "ssh" {
  for_each = toset(local.access.ssh_from)

  description       = "SSH from the allow-list"
  security_group_id = aws_security_group.cluster.id
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22

  tags = { Name = "${local.name}-ssh" }

  lifecycle {
    precondition {
      condition     = contains(local.access.anywhere, "ssh") || tonumber(split("/", each.key)[1]) >= 8
      error_message = "access.ssh_from: ${each.key} ${local.too_wide}"
    }
  }
}

resource "aws_vpc_security_group_ingress_rule" "api" {
  for_each = toset(local.access.api_from)

  description       = "The API server from the allow-list"
  security_group_id = aws_security_group.cluster.id
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 6443
  to_port           = 6443

  tags = { Name = "${local.name}-api" }

  lifecycle {
    precondition {
      condition     = contains(local.access.anywhere, "api") || tonumber(split("/", each.key)[1]) >= 8
      error_message = "access.api_from: ${each.key} ${local.too_wide}"
    }
  }
}

resource "aws_vpc_security_group_ingress_rule" "node_ports" {
  description                  = "The load balancer to the NodePorts"
  security_group_id            = aws_security_group.cluster.id
  referenced_security_group_id = aws_security_group.load_balancer.id
  ip_protocol                  = "tcp"
  from_port                    = local.node_ports.from
  to_port                      = local.node_ports.to

  tags = { Name = "${local.name}-node-ports" }
}

resource "aws_vpc_security_group_egress_rule" "nodes" {
  description       = "Packages, images, AWS's APIs, OpenAI"
  security_group_id = aws_security_group.cluster.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"

  tags = { Name = "${local.name}-out" }
}

# The load balancer's group is made here and named in the Ingress (alb.ingress.kubernetes.io/security-groups), so that its
# controller needs no right to make or change any.
resource "aws_security_group" "load_balancer" {
  #checkov:skip=CKV2_AWS_5:the load balancer controller attaches it

  name_prefix            = "${local.name}-load-balancer-"
  description            = "The load balancer of ${local.name}"
  vpc_id                 = aws_vpc.main.id
  revoke_rules_on_delete = true

  tags = { Name = "${local.name}-load-balancer" }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "public" {
  #checkov:skip=CKV_AWS_260:the public API; port 80 only redirects to 443

  for_each = { http = 80, https = 443 } # 80 answers with a redirect

  description       = "The public API over ${each.key}"
  security_group_id = aws_security_group.load_balancer.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value

  tags = { Name = "${local.name}-${each.key}" }
}

resource "aws_vpc_security_group_egress_rule" "load_balancer" {
  description       = "To the NodePorts, inside the VPC"
  security_group_id = aws_security_group.load_balancer.id
  cidr_ipv4         = aws_vpc.main.cidr_block
  ip_protocol       = "tcp"
  from_port         = local.node_ports.from
  to_port           = local.node_ports.to

  tags = { Name = "${local.name}-load-balancer-out" }
}

# The VPC's own group, which lets through what has no other: emptied, so that nothing can lean on it.
resource "aws_default_security_group" "unused" {
  vpc_id = aws_vpc.main.id

  tags = { Name = "${local.name}-unused" }
}
