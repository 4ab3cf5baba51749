"""The rule for sexual content about minors.

`sexual/minors` has no training data here and never will. It is a rule instead: a text that speaks of a minor
gets its `sexual` score as its `sexual/minors` score, and the policy blocks that category at a threshold so
low that a hint of sexual content is enough. A text about children with no such hint scores near 0 on both.
Beside a minor some words settle it whatever the model says (`SUGGESTIVE_SCORE`); "underwear", "swimsuit" and
"bath" are not among them, because ordinary pictures of children have those.
"""

import re
from typing import Final

from classifiers.normalize import fold, normalize

_WORDS: Final = (
    "child", "children", "childlike", "kid", "kids", "kiddie", "toddler", "toddlers", "baby", "babies", "infant",
    "infants", "newborn", "minor", "minors", "underage", "underaged", "preteen", "preteens", "tween", "tweens",
    "teen", "teens", "teenage", "teenaged", "teenager", "teenagers", "adolescent", "adolescents", "juvenile",
    "juveniles", "youngster", "youngsters", "schoolgirl", "schoolgirls", "schoolboy", "schoolboys", "schoolkid",
    "schoolkids", "schoolchild", "schoolchildren", "boy", "boys", "girl", "girls", "daughter", "daughters",
    "son", "sons", "niece", "nephew", "loli", "lolis", "lolita", "lolicon", "shota", "shotacon", "jailbait",
    "kindergarten", "kindergartner", "kindergartener", "preschool", "preschooler", "pubescent", "prepubescent",
    "prepubertal", "pedo", "pedophile", "pedophilia", "paedophile", "paedophilia", "cub", "youth", "youths",
    "freshman in high school", "middle schooler", "high schooler", "high school student", "grade schooler",
    "elementary school", "primary school", "middle school", "junior high", "girl scout", "boy scout", "little one",
    "young looking", "very young", "barely legal", "not yet 18", "under 18", "below 18", "younger than 18",
)  # fmt: skip
"""`boy` and `girl` are here on purpose: together with a sexual score they are worth a refusal and a rewording
("woman"), and without one they cost nothing."""

_SUGGESTIVE: Final = re.compile(
    r"\b(?:nude|nudes|nudity|naked|topless|undress\w*|stripping|striptease|panties|pantyless|thongs?|lingerie|upskirt|"
    r"sexy|sexuali[sz]ed|erotic\w*|seductive\w*|sensual\w*|porn\w*|hentai|lewd|nsfw|fetish\w*|horny|aroused|"
    r"cleavage|nipples?|genitals?|crotch|masturbat\w*|orgasm\w*|provocative(?:ly)?|wet t[ -]?shirts?|"
    r"(?:underwear|bikinis?|swimsuits?)(?: \w+){0,3} (?:beds?|posing|poses?|spread\w*)|"
    r"(?:lolis?|shotas?)(?: \w+){0,3} (?:underwear|bikinis?|swimsuits?))\b"
    "|裸体|全裸|半裸|赤裸|裸露|脱光|性感|色情|情色|诱惑|内裤|情趣|露点|做爱|性交"
)
SUGGESTIVE_SCORE: Final = 0.5

_ADULT: Final = re.compile(
    r"\b(?:girl|boy)friends?\b|\b(?:play|cow|show|call|cover|pin ?up|bond|cam|bar|flight|working)[ -]?(?:girl|boy)s?\b"
)
_HAN: Final = re.compile(
    "儿童|小孩|孩子|幼女|幼童|幼儿|婴儿|宝宝|少女|少年|女童|男童|女孩|男孩|小学生|中学生|初中生|高中生|未成年|"
    "萝莉|正太|女儿|儿子|小妹妹|小弟弟|小姑娘|小女生|小男生|童女|青少年|学生妹|校服|幼齿|豆蔻年华|及笄"
)
_ENGLISH: Final = re.compile(
    r"\b(?:" + "|".join(sorted(_WORDS, key=len, reverse=True)).replace(" ", r"[\s-]+") + r")\b"
)
_NUMBER_WORDS: Final = (
    "one|two|three|four|five|six|seven|eight|nine|ten|"
    "eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen"
)  # fmt: skip
_AGE: Final = re.compile(
    rf"(?<![\d.])(?<!\d )(?<!ty[ -])(?:1[0-7]|[1-9]|{_NUMBER_WORDS})\s*[-–]?\s*(?:and\s+a\s+half\s*)?"
    r"(?:years?|yrs?|yr|y|months?|mos?|weeks?)\s*[-./]?\s*(?:olds?|o\b|young)"
    rf"|\b(?:aged?|age of)\s*:?\s*(?:1[0-7]|[1-9]|{_NUMBER_WORDS})\b(?!\s*(?:0|\d))"
    rf"|\b(?:1[0-7]|[4-9])\s*y\s*/?\s*o\b"
    rf"|\b(?:1[0-7]|[4-9])(?:th)?\s+birthday\b"
    r"|(?<!\d)(?:1[0-7]|[1-9])\s*(?:岁|周岁)|(?<![二三四五六七八九])十[一二三四五六七]?岁|(?<!十)[一二三四五六七八九]岁"
    r"|\b(?:[1-9]|1[0-2])(?:st|nd|rd|th)\s+grade(?:r|rs)?\b"
)


def minors_score(text: str, sexual: float) -> float:
    """Give the score of `sexual/minors` for a text whose score of `sexual` is known, both in [0, 1]."""
    if not mentions_minor(text):
        return 0.0
    return max(sexual, SUGGESTIVE_SCORE) if _SUGGESTIVE.search(normalize(text)) else sexual


def mentions_minor(text: str) -> bool:
    """Say whether `text` names a child, a teenager or an age under 18.

    Linear in the length. It errs towards yes: it is only ever used together with a sexual score.
    """
    folded = fold(text)
    if _AGE.search(folded):
        return True
    plain = normalize(text)
    if _HAN.search(plain):
        return True
    return _ENGLISH.search(_ADULT.sub(" ", plain)) is not None
