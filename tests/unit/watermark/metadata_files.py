"""Small files with the metadata that a test wants."""

import io
from datetime import UTC, datetime

import numpy as np
import piexif
from PIL import Image, PngImagePlugin

from watermark.label import AiLabel
from watermark.picture import encode_picture

WHEN = datetime(2026, 11, 22, 1, 2, 3, 999, tzinfo=UTC)
LABEL = AiLabel("0123456789abcdef", 'Müller & "Söhne" <KG>', "sdxl's turbo", "1.0", WHEN)
IMAGE = np.full((40, 40, 3), 90, np.uint8)
AI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
CAPTURE = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"


def png_with(**text):
    info = PngImagePlugin.PngInfo()
    for key, value in text.items():
        info.add_text(key, value)
    out = io.BytesIO()
    Image.fromarray(IMAGE).save(out, "PNG", pnginfo=info)
    return out.getvalue()


def jpeg_with(exif=None, xmp=None):
    return encode_picture(IMAGE, "jpeg", exif=exif, xmp=xmp)


def packet(*properties, attributes=""):
    body = "".join(f"<{name}>{value}</{name}>" for name, value in properties)
    return f"""<x:xmpmeta xmlns:x="adobe:ns:meta/">
      <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
      xmlns:I="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
      xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
      xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:T="http://www.tc260.org.cn/ns/AIGC/1.0/" {attributes}>
      {body}</rdf:Description></rdf:RDF></x:xmpmeta>""".encode()


def exif_with(comment=b"", **zeroth):
    tags = {getattr(piexif.ImageIFD, key): value for key, value in zeroth.items()}
    return piexif.dump({"0th": tags, "Exif": {piexif.ExifIFD.UserComment: comment} if comment else {}})
