# Pictures reach the world through CloudFront alone: it signs what it asks the private bucket for.

locals {
  cdn_ttl_s = local.cluster.cdn.ttl_days * 86400

  cdn_reads = {
    Sid       = "CloudFrontReads"
    Effect    = "Allow"
    Principal = { Service = "cloudfront.amazonaws.com" }
    Action    = "s3:GetObject"
    Resource  = [for prefix in local.shown : "${local.buckets.images.arn}/${prefix}*"]
    Condition = { StringEquals = { "aws:SourceArn" = aws_cloudfront_distribution.images.arn } }
  }

  # Names of these are unique in an account: the VPC's id keeps one whose state is lost from being in the way.
  cdn_name = "${local.name}-images-${aws_vpc.main.id}"
}

resource "aws_cloudfront_origin_access_control" "images" {
  name                              = local.cdn_name
  description                       = "${local.name}: CloudFront signs its requests for pictures"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

resource "aws_cloudfront_cache_policy" "images" {
  name        = local.cdn_name
  comment     = "A picture's key is made from its content, so it never changes"
  min_ttl     = 0
  default_ttl = local.cdn_ttl_s
  max_ttl     = local.cdn_ttl_s

  parameters_in_cache_key_and_forwarded_to_origin {
    cookies_config {
      cookie_behavior = "none"
    }

    headers_config {
      header_behavior = "none"
    }

    query_strings_config {
      query_string_behavior = "none"
    }
  }
}

resource "aws_cloudfront_response_headers_policy" "images" {
  name    = local.cdn_name
  comment = "A picture is a picture, and nothing in it runs"

  security_headers_config {
    content_type_options {
      override = true
    }

    content_security_policy {
      content_security_policy = "default-src 'none'; sandbox"
      override                = true
    }

    frame_options {
      frame_option = "DENY"
      override     = true
    }

    strict_transport_security {
      access_control_max_age_sec = 31536000
      include_subdomains         = true
      preload                    = true
      override                   = true
    }
  }
}

resource "aws_cloudfront_distribution" "images" {
  #checkov:skip=CKV_AWS_174:TLSv1.2_2021 wherever there is a domain; under its own name CloudFront lets nobody choose
  #checkov:skip=CKV_AWS_68:it serves static pictures; there is no input to filter
  #checkov:skip=CKV2_AWS_47:the same; nothing behind it runs Java
  #checkov:skip=CKV_AWS_86:the access log is personal data that nobody reads
  #checkov:skip=CKV_AWS_374:people from Korea travel
  #checkov:skip=CKV_AWS_310:there is one bucket, and photos live 90 days
  #checkov:skip=CKV_AWS_305:there is no page, only pictures by their keys

  enabled         = true
  is_ipv6_enabled = true
  comment         = "Pictures of ${local.name}"
  price_class     = local.cluster.cdn.price_class
  aliases         = local.cdn_host[*]

  # Its 5 to 15 minutes pass while the machines are set up. Who needs it deployed asks for its status.
  wait_for_deployment = false

  origin {
    origin_id                = "images"
    domain_name              = module.bucket["images"].regional_domain_name
    origin_access_control_id = aws_cloudfront_origin_access_control.images.id
  }

  default_cache_behavior {
    target_origin_id           = "images"
    viewer_protocol_policy     = "redirect-to-https"
    allowed_methods            = ["GET", "HEAD", "OPTIONS"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = true
    cache_policy_id            = aws_cloudfront_cache_policy.images.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.images.id
  }

  # A picture may be asked for a moment before it is stored: its absence is not remembered for long.
  dynamic "custom_error_response" {
    for_each = [403, 404]

    content {
      error_code            = custom_error_response.value
      error_caching_min_ttl = 10
    }
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  # Without a name of ours CloudFront serves under its own, and sets the least version of TLS itself.
  viewer_certificate {
    acm_certificate_arn            = one(aws_acm_certificate_validation.cdn[*].certificate_arn)
    cloudfront_default_certificate = local.has_domain ? null : true
    minimum_protocol_version       = local.has_domain ? "TLSv1.2_2021" : "TLSv1"
    ssl_support_method             = local.has_domain ? "sni-only" : null
  }

  tags = { Name = "${local.name}-images" }
}
