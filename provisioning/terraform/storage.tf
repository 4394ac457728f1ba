locals {
  # What users have deleted is gone after a week. Backups are kept from being overwritten for as long as they are kept.
  noncurrent_days = {
    images  = 7
    backups = local.cluster.buckets.backups.expire_days
  }
  buckets = { for key in ["images", "backups"] : key => merge(local.cluster.buckets[key], {
    name = "${local.cluster.buckets[key].name}-${local.account}"
    arn  = "${local.arn}:s3:::${local.cluster.buckets[key].name}-${local.account}"
  }) }

  # The CDN shows these. uploads/ holds what somebody has sent and nobody has looked at yet: it is not shown.
  shown = ["scans/", "avatars/"]
}

module "bucket" {
  source   = "./modules/bucket"
  for_each = local.buckets

  name             = each.value.name
  expiring         = each.value.expiring
  standard_ia_days = each.value.standard_ia_days
  expire_days      = each.value.expire_days
  noncurrent_days  = local.noncurrent_days[each.key]
  force_destroy    = contains(var.destroy_data, each.key)
  upload_origins   = each.key == "images" && local.has_domain ? ["https://${local.domain}", "https://${local.cluster.domain.hosts.www}.${local.domain}"] : []
  statements       = each.key == "images" ? [local.cdn_reads] : []
}
