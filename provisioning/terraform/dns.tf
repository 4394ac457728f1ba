# The public zone belongs to who owns the domain: it is looked up, never made or deleted. The records of the load balancer
# (api, www, grafana) come when it stands; here is only what Terraform itself has made.

data "aws_route53_zone" "public" {
  count = local.has_domain ? 1 : 0

  name         = local.domain
  private_zone = false
}

resource "aws_route53_record" "cdn" {
  for_each = local.has_domain ? toset(["A", "AAAA"]) : toset([])

  zone_id = one(data.aws_route53_zone.public[*].zone_id)
  name    = local.cdn_host
  type    = each.key

  alias {
    name                   = aws_cloudfront_distribution.images.domain_name
    zone_id                = aws_cloudfront_distribution.images.hosted_zone_id
    evaluate_target_health = false
  }

  # A rebuild whose old record was left over replaces it.
  allow_overwrite = true
}

# Inside the VPC the nodes have names, and so has the API server: the control plane can grow or move without new
# kubeconfigs.
resource "aws_route53_zone" "private" {
  name    = local.cluster.network.private_zone
  comment = "${local.name}, inside its VPC"

  vpc {
    vpc_id = aws_vpc.main.id
  }

  force_destroy = true # records that others add to it are the cluster's too
}

resource "aws_route53_record" "api" {
  #checkov:skip=CKV2_AWS_23:it names the control plane's instances by their private addresses

  zone_id = aws_route53_zone.private.zone_id
  name    = local.api_host
  type    = "A"
  ttl     = 30
  records = [for name, node in module.node : node.facts.private_ip if local.nodes[name].role == "control-plane"]
}

resource "aws_route53_record" "node" {
  for_each = module.node
  #checkov:skip=CKV2_AWS_23:it names an instance by its private address

  zone_id = aws_route53_zone.private.zone_id
  name    = "${each.key}.${local.cluster.network.private_zone}"
  type    = "A"
  ttl     = 30
  records = [each.value.facts.private_ip]
}
