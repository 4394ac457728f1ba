# The cluster file, and what follows from it.

data "aws_caller_identity" "here" {}
data "aws_partition" "here" {}

locals {
  cluster = yamldecode(file(coalesce(var.cluster_file, "${path.module}/../cluster.yaml")))
  name    = local.cluster.name
  nodes   = { for node in local.cluster.nodes : node.name => node }
  roles   = toset([for node in local.cluster.nodes : node.role])

  # Hosts are null without a domain.
  domain     = try(local.cluster.domain.name, null)
  has_domain = local.domain != null
  cdn_host   = local.has_domain ? "${local.cluster.domain.hosts.images}.${local.domain}" : null
  api_host   = "k8s-api.${local.cluster.network.private_zone}"

  cluster_tag = "kubernetes.io/cluster/${local.name}"
  tags = merge(local.cluster.tags, {
    Cluster             = local.name
    Environment         = local.cluster.environment
    (local.cluster_tag) = "owned"
  })

  account = data.aws_caller_identity.here.account_id
  arn     = "arn:${data.aws_partition.here.partition}"
  ec2_arn = "${local.arn}:ec2:${local.cluster.region}:${local.account}"
}
