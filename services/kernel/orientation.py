"""How to turn a photo upright by its EXIF orientation."""

from PIL import Image

# Orientation -> the turn. Not ImageOps.exif_transpose: it also rewrites the photo's EXIF data and fails when something
# else in there is broken.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
