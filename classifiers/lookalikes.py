"""Letters that pass for Latin ones, and the symbols of leet spelling.

Owns the tables that `normalize` applies. They were written down by hand from the shapes, for the scripts that
occur in real evasion: Cyrillic, Greek, Armenian, Cherokee, and the phonetic and enclosed letters that NFKC
(Unicode annex 15) leaves alone. Lower case only, because `normalize` lowers first.
"""

from typing import Final


def _pairs(table: str) -> dict[str, str]:
    return {pair[0]: pair[1:] for pair in table.split()}


HOMOGLYPHS: Final[dict[str, str]] = _pairs(
    # Cyrillic
    "аa вb сc ԁd еe ѐe ёe һh іi їi јj ӏl мm нh оo рp ԛq гr ѕs тt цu ѵv ԝw хx уy ўy зz кk ҝk пn "
    # Greek
    "αa βb ϲc εe γy ηn ιi κk νv οo ρp σo τt υu χx ωw ϳj "
    # Armenian
    "ոn սu օo հh գq զq ցg յj ѕs "
    # Cherokee, lower case forms
    "ꭺa ꭼe ꮋh ꭵi ꭻj ꮶk ꮮl ꮇm ꮲp ꮪs ꭲt ꮩv ꮃw ꮓz ꭰd ꮯc ꭱr ꮐg"
)
"""Letter of another script -> the Latin letter it is drawn like. Used only inside a word or text of Latin."""

LATIN_VARIANTS: Final[dict[str, str]] = _pairs(
    # small capitals and phonetic letters
    "ᴀa ʙb ᴄc ᴅd ᴇe ꜰf ɢg ʜh ɪi ᴊj ᴋk ʟl ᴍm ɴn ᴏo ᴘp ꞯq ʀr ꜱs ᴛt ᴜu ᴠv ᴡw ʏy ᴢz "
    "ɑa ɒa ɓb ƀb ƈc ɗd đd əe ɛe ɡg ɠg ɦh ħh ıi ɨi ɩi ʝj ƙk ɭl łl ɱm ɲn ŋn øo ɔo ƥp ʠq ɾr ɽr ʂs ƭt ŧt "
    "ʉu ʋv ʍw ʎy ƶz ʐz"
) | {
    # negative circled and negative squared letters, regional indicators: three runs of A to Z
    chr(start + offset): chr(ord("a") + offset)
    for start in (0x1F150, 0x1F170, 0x1F1E6)
    for offset in range(26)
}
"""Letters that are Latin in all but code point: always replaced."""

LEET: Final[dict[str, str]] = {
    "0": "o",
    "1": "i",
    "3": "e",
    "4": "a",
    "5": "s",
    "7": "t",
    "8": "b",
    "9": "g",
    "@": "a",
    "$": "s",
    "!": "i",
    "|": "l",
    "+": "t",
    "€": "e",
    "£": "l",
    "¢": "c",
    "¥": "y",
}
"""Symbol -> letter, replaced only between letters (and `@`, `$` before one)."""
