data "aws_ami" "ubuntu" {
  count = local.cluster.machine_image.id == null ? 1 : 0

  owners      = [local.cluster.machine_image.owner]
  most_recent = true

  filter {
    name   = "name"
    values = [local.cluster.machine_image.name]
  }

  filter {
    name   = "state"
    values = ["available"]
  }
}

# EC2 deletes no key pair with its instances: a name of its own keeps a lost one from being in the way.
resource "aws_key_pair" "operator" {
  key_name_prefix = "${local.name}-"
  public_key      = trimspace(coalesce(var.ssh_public_key, try(file(pathexpand("${local.access.key_file}.pub")), null), "missing"))

  lifecycle {
    create_before_destroy = true

    precondition {
      condition     = var.ssh_public_key != null || fileexists(pathexpand("${local.access.key_file}.pub"))
      error_message = "There is no ${local.access.key_file}.pub. Make one: ssh-keygen -t ed25519 -f ${local.access.key_file}"
    }
  }
}

module "node" {
  source   = "./modules/node"
  for_each = local.nodes

  name               = each.key
  cluster            = local.name
  region             = local.cluster.region
  instance_type      = each.value.type
  disk_gb            = each.value.disk_gb
  image_id           = coalesce(local.cluster.machine_image.id, one(data.aws_ami.ubuntu[*].id))
  subnet_id          = aws_subnet.public[each.value.zone].id
  security_group_ids = [aws_security_group.cluster.id]
  instance_profile   = aws_iam_instance_profile.node[each.value.role].name
  key_name           = aws_key_pair.operator.key_name
  fixed_address      = each.value.role == "control-plane"
  host_public_key    = lookup(var.host_public_keys, each.key, null)
  host_private_key   = lookup(var.host_private_keys, each.key, null)
  tags               = merge(local.tags, { Role = each.value.role })

  # The first thing a node does is to ask for its host key, over the internet and with its role.
  depends_on = [aws_route_table_association.public, aws_iam_role_policy.node, aws_vpc_security_group_egress_rule.nodes]
}
