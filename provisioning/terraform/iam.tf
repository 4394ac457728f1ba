# A role for each kind of node. What a pod may do in AWS it may by its node's role, so rights go to the kinds of nodes that
# the cluster file places that pod on, and to no others.
#
# All policies are inline: they live and die with their role, so none can be left over, or stand twice.

locals {
  # Release and pod -> the labels of its nodes, from which follow the roles that need its rights.
  placed = merge({
    cloud_controller = local.cluster.releases.aws-cloud-controller-manager.pods.aws-cloud-controller-manager.nodes
    ebs_csi          = local.cluster.releases.aws-ebs-csi-driver.pods.ebs-csi-controller.nodes
    load_balancer    = local.cluster.releases.aws-load-balancer-controller.pods.aws-load-balancer-controller.nodes
    waste            = local.cluster.releases.waste.pods.waste.nodes
    storage          = local.cluster.releases.storage.pods.storage.nodes
    ai               = local.cluster.releases.ai.pods.ai.nodes
    postgresql       = local.cluster.releases.postgresql.pods.postgresql.nodes
    redis            = local.cluster.releases.redis.pods.redis.nodes
    }, local.has_thanos ? {
    prometheus = local.cluster.releases.monitoring.pods.prometheus.nodes
    thanos     = local.cluster.releases.monitoring.pods.thanos-store.nodes
  } : {})
  # The only pod that the cluster file may leave out.
  has_thanos = can(local.cluster.releases.monitoring.pods.thanos-store)

  roles_of = { for pod, labels in local.placed : pod => toset([
    for node in local.nodes : node.role
    # "every" has no labels to go through.
    if try(alltrue([for key, value in labels : lookup(node.labels, key, null) == value]), labels == "every")
  ]) }

  policies = {
    every-node       = { roles = local.roles, statements = local.every_node_may }
    cloud-controller = { roles = local.roles_of.cloud_controller, statements = local.cloud_controller_may }
    ebs-csi          = { roles = local.roles_of.ebs_csi, statements = local.ebs_csi_may }
    load-balancer    = { roles = local.roles_of.load_balancer, statements = local.load_balancer_may }
    pictures         = { roles = setunion(local.roles_of.waste, local.roles_of.storage, local.roles_of.ai), statements = local.pictures_may }
    backup-etcd      = { roles = toset(["control-plane"]), statements = local.backup_etcd_may }
    backup-database  = { roles = local.roles_of.postgresql, statements = local.backup_database_may }
    backup-redis     = { roles = local.roles_of.redis, statements = local.backup_redis_may }
    thanos           = { roles = local.has_thanos ? setunion(local.roles_of.prometheus, local.roles_of.thanos) : toset([]), statements = local.thanos_may }
  }
  grants = merge([for name, policy in local.policies : {
    for role in policy.roles : "${role}/${name}" => { role = role, name = name, statements = policy.statements }
  }]...)
}

resource "aws_iam_role" "node" {
  for_each = local.roles

  name_prefix           = "${local.name}-${each.key}-"
  path                  = "/${local.name}/"
  description           = "Nodes of ${local.name}: ${each.key}"
  force_detach_policies = true

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_iam_role_policy" "node" {
  for_each = local.grants

  name   = each.value.name
  role   = aws_iam_role.node[each.value.role].id
  policy = jsonencode({ Version = "2012-10-17", Statement = each.value.statements })
}

resource "aws_iam_instance_profile" "node" {
  for_each = aws_iam_role.node

  name_prefix = "${local.name}-${each.key}-"
  path        = "/${local.name}/"
  role        = each.value.name

  lifecycle {
    create_before_destroy = true
  }
}
