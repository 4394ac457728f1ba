"""The first bytes of the types of photo that are taken, by their specifications (JFIF/Exif, PNG, RIFF WebP)."""

SIGNATURE_BYTES = 12


def begins_as(content_type: str, first: bytes) -> bool:
    """Whether an object that begins with `first` can be of this type. The whole is checked when it is imported."""
    match content_type:
        case "image/jpeg":
            return first.startswith(b"\xff\xd8\xff")
        case "image/png":
            return first.startswith(b"\x89PNG\r\n\x1a\n")
        case "image/webp":
            return first[:4] == b"RIFF" and first[8:12] == b"WEBP"
        case _:
            return False
