"""Everything that marks an image or reads its marks: invisible watermark, EXIF/XMP, C2PA."""
