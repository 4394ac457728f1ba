# What the later phases read. Nothing here is a secret, and nothing else of Terraform is theirs to read.

output "cluster" {
  value = {
    name    = local.name
    account = local.account
    region  = local.cluster.region
    tag     = { key = local.cluster_tag, value = "owned" }
    vcpus   = local.vcpus
  }
}

output "nodes" {
  description = "name -> role, instance_id, provider_id, zone, private_ip, private_dns, public_ip, host_key (public half)."
  value       = { for name, node in module.node : name => merge(node.facts, { role = local.nodes[name].role }) }
}

output "api" {
  description = "The API server: its name inside the VPC, and the fixed addresses that the allow-list may reach."
  value = {
    host      = local.api_host
    port      = 6443
    addresses = [for name, node in module.node : node.facts.public_ip if local.nodes[name].role == "control-plane"]
  }
}

output "network" {
  value = {
    vpc_id                       = aws_vpc.main.id
    subnet_ids                   = [for subnet in aws_subnet.public : subnet.id]
    security_group_id            = aws_security_group.cluster.id
    load_balancer_security_group = aws_security_group.load_balancer.id
  }
}

output "buckets" {
  value = { for key, bucket in module.bucket : key => bucket.id }
}

output "cdn" {
  value = {
    distribution_id = aws_cloudfront_distribution.images.id
    url             = "https://${coalesce(local.cdn_host, aws_cloudfront_distribution.images.domain_name)}"
  }
}

output "domain" {
  description = "null in each where there is no domain."
  value = {
    name            = local.domain
    hosted_zone_id  = one(data.aws_route53_zone.public[*].zone_id)
    certificate_arn = one(aws_acm_certificate_validation.public[*].certificate_arn)
  }
}

output "roles" {
  description = "role of nodes -> ARN of their IAM role."
  value       = { for role, node in aws_iam_role.node : role => node.arn }
}
