"""A stand-in for the terraform binary, for tests of a whole rebuild: real processes, locks and messages, no cloud.

`TerraformDouble` puts it on the PATH. It knows the commands that the product runs and refuses every other. Tests alone
may use it; what Terraform makes of the HCL is tested with the real one, in tests/provisioning/terraform.
"""

from tests.doubles.terraform.double import Fault, TerraformDouble

__all__ = ["Fault", "TerraformDouble"]
