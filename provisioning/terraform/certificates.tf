# One certificate for the load balancer, in its region, and one for the CDN, in us-east-1. Both prove themselves by DNS.
# Without a domain there are none.

resource "aws_acm_certificate" "public" {
  count = local.has_domain ? 1 : 0

  domain_name               = local.domain
  subject_alternative_names = ["*.${local.domain}"]
  validation_method         = "DNS"

  tags = { Name = local.domain }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_acm_certificate" "cdn" {
  count    = local.has_domain ? 1 : 0
  provider = aws.us_east_1

  domain_name       = local.cdn_host
  validation_method = "DNS"

  tags = { Name = local.cdn_host }

  lifecycle {
    create_before_destroy = true
  }
}

locals {
  # One record proves both names of the public certificate: ACM gives the apex and its wildcard the same.
  proofs = local.has_domain ? {
    public = tolist(one(aws_acm_certificate.public[*].domain_validation_options))[0]
    cdn    = tolist(one(aws_acm_certificate.cdn[*].domain_validation_options))[0]
  } : null
}

resource "aws_route53_record" "proof" {
  for_each = local.has_domain ? toset(["public", "cdn"]) : toset([])

  zone_id = one(data.aws_route53_zone.public[*].zone_id)
  name    = local.proofs[each.key].resource_record_name
  type    = local.proofs[each.key].resource_record_type
  records = [local.proofs[each.key].resource_record_value]
  ttl     = 60

  # ACM asks for the same record of everyone who proves this domain from this account: one may stand already.
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "public" {
  count = local.has_domain ? 1 : 0

  certificate_arn         = one(aws_acm_certificate.public[*].arn)
  validation_record_fqdns = [aws_route53_record.proof["public"].fqdn]

  timeouts {
    create = "20m"
  }
}

resource "aws_acm_certificate_validation" "cdn" {
  count    = local.has_domain ? 1 : 0
  provider = aws.us_east_1

  certificate_arn         = one(aws_acm_certificate.cdn[*].arn)
  validation_record_fqdns = [aws_route53_record.proof["cdn"].fqdn]

  timeouts {
    create = "20m"
  }
}
