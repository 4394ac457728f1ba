# What can be known before anything is made is asked in the plan, so that no apply stops half way on it.

data "aws_ec2_instance_type" "used" {
  for_each = toset([for node in local.nodes : node.type])

  instance_type = each.key
}

data "aws_servicequotas_service_quota" "vcpus" {
  service_code = "ec2"
  quota_code   = "L-1216C47A" # running on-demand standard instances, in vCPUs

  lifecycle {
    postcondition {
      condition     = self.value >= local.vcpus
      error_message = "The cluster needs ${local.vcpus} vCPUs, and this account may run ${self.value} in ${local.cluster.region}. Ask for more: quota L-1216C47A of EC2."
    }
  }
}

data "aws_ec2_instance_type_offerings" "zones" {
  for_each = data.aws_ec2_instance_type.used

  location_type = "availability-zone"

  filter {
    name   = "instance-type"
    values = [each.key]
  }

  lifecycle {
    postcondition {
      condition     = alltrue([for node in local.nodes : contains(self.locations, node.zone) if node.type == each.key])
      error_message = "AWS offers no ${each.key} in ${join(", ", setsubtract([for node in local.nodes : node.zone if node.type == each.key], self.locations))}."
    }
  }
}

locals {
  vcpus = sum([for node in local.nodes : data.aws_ec2_instance_type.used[node.type].default_vcpus])
}
