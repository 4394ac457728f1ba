# Everything carries the cluster's tag: the teardown finds by it what belongs to this cluster, and nothing else.

provider "aws" {
  region = local.cluster.region

  default_tags {
    tags = local.tags
  }
}

# CloudFront takes certificates of this region alone.
provider "aws" {
  alias  = "us_east_1"
  region = "us-east-1"

  default_tags {
    tags = local.tags
  }
}
