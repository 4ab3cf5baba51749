"""Words that name a minor, and words that make a picture of one sexual, in nine languages.

Owns the tables of the rule in `minors`. All are written as `normalize` leaves a text: lower case, no marks on Latin
letters. Written down by hand; `NOTES.md` says what was measured.
"""

import re
from typing import Final

NUMBERS: Final = (
    "four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen"
)
_ALL_NUMBERS: Final = f"one|two|three|{NUMBERS}"
_UNDER_18: Final = "1[0-7]|[1-9]"

_ENGLISH: Final = (
    "child", "childs", "children", "childrens", "childlike", "chiid", "kid", "kids", "kiddie", "kiddies", "toddler",
    "toddlers", "baby", "babies", "infant", "infants", "newborn", "minor", "minors", "underage", "underaged",
    "under age", "under aged", "preteen", "preteens", "pre teen", "pre teens", "tween", "tweens", "tweenage",
    "teen", "teens", "teenage", "teenaged", "teenager", "teenagers", "teenie", "teenies", "adolescent", "adolescents",
    "juvenile", "juveniles", "youngster", "youngsters", "schoolgirl", "schoolgirls", "schoolboy", "schoolboys",
    "schoolkid", "schoolkids", "schoolchild", "schoolchildren", "school girl", "school girls", "school boy",
    "school boys", "boy", "boys", "girl", "girls", "1girl", "2girls", "3girls", "1boy", "2boys", "daughter",
    "daughters", "son", "sons", "stepdaughter", "stepson", "niece", "nephew", "little sister", "little sisters",
    "little brother", "little brothers", "lolita", "lolicon", "shota", "shotacon", "jailbait", "nymphet", "nymphets",
    "nymphette", "kindergarten", "kindergartner", "kindergartener", "preschool", "preschooler", "pubescent",
    "prepubescent", "prepubertal",
    "pedo", "pedophile", "pedophilia", "paedophile", "paedophilia", "cub", "youth", "youths",
    "freshman in high school", "middle schooler", "high schooler", "grade schooler", "elementary school",
    "primary school", "middle school", "junior high", "girl scout", "boy scout", "little one", "young looking",
    "very young", "barely legal", "younger than 18", "younger than eighteen",
)  # fmt: skip
"""`boy` and `girl` are here on purpose: together with a sexual score they are worth a refusal and a rewording
("woman"), and without one they cost nothing."""

_OTHER_LATIN: Final = (
    # Spanish, Portuguese
    "nina", "ninas", "nino", "ninos", "menor de edad", "menores de edad", "menor de idade", "menores de idade",
    "adolescente", "adolescentes", "colegiala", "colegialas", "menina", "meninas", "menino", "meninos", "garotinha",
    "garotinho", "crianca", "criancas", "quinceanera", "jovencita",
    # French
    "enfant", "enfants", "fillette", "fillettes", "petite fille", "petites filles", "jeune fille", "jeunes filles",
    "garconnet", "petit garcon", "mineure", "mineures", "mineur", "mineurs", "ado", "ados", "gamin", "gamine",
    "lyceenne", "lyceennes", "collegienne", "collegiennes", "ecoliere", "ecolieres",
    # German
    "madchen", "maedchen", "schulmadchen", "schulerin", "schulerinnen", "kleinkind", "kleinkinder", "kinder", "kindes",
    "kleines kind", "jugendliche", "jugendlicher", "jugendlichen", "teenagerin",
)  # fmt: skip

LATIN: Final = re.compile(
    r"\b(?:"
    + "|".join(sorted((*_ENGLISH, *_OTHER_LATIN), key=len, reverse=True)).replace(" ", r"[\s-]+")
    + r"|lol+i+s?|minderjahrig\w*"
    r"|high[\s-]+school[\s-]+(?:girl|boy|student|cheerleader|freshman|sophomore|junior|senior)s?"
    r"|cheerleaders?(?: \w+){0,3} high[\s-]+school"
    r"|(?:not[\s-]+yet|under|below)[\s-]+(?:18|eighteen)|kind(?: \w+){0,2} nackt\w*|nackt\w*(?: \w+){0,2} kind)\b"
)

ADULT: Final = re.compile(
    r"\b(?:girl|boy)friends?\b|\b(?:play|cow|show|call|cover|pin ?up|bond|cam|bar|flight|working)[ -]?(?:girl|boy)s?\b"
    r"|\bbaby[ -](?:blue|pink|doll|dolls|bump|shower|oil|grand|breath|s breath)\b|\bkid (?:leather|gloves?)\b"
    r"|\bminor (?:key|scale|chord|details?|league|changes?|imperfections?)\b|\b(?:[a-g]|a flat) minor\b"
)
"""Phrases with such a word that name no minor."""

OTHER_SCRIPTS: Final = re.compile(
    # Chinese, simplified and traditional; Japanese shares some
    "儿童|兒童|小孩|孩子|幼女|幼童|幼儿|幼兒|婴儿|嬰兒|宝宝|寶寶|少女|少年|女童|男童|女孩|男孩|小学生|小學生|中学生|中學生|"
    "初中生|高中生|國中生|国中生|小学女|小學女|初中女|高中女|女学生|女學生|男学生|未成年|萝莉|蘿莉|罗莉|羅莉|正太|女儿|女兒|"
    "儿子|兒子|小妹妹|小弟弟|小姑娘|小女生|小男生|童女|青少年|学生妹|學生妹|校服|幼齿|幼齒|豆蔻年华|及笄"
    # Japanese
    "|女子高生|女子中学生|女子校生|高校生|ロリ|ショタ|女児|男児|児童|子供|子ども|こども|赤ちゃん|制服少女"
    # Korean
    "|여고생|여중생|여학생|초등학생|중학생|고등학생|미성년|소녀|소년|어린이|아동|로리|쇼타|아기"
    # Russian
    "|девоч|мальчик|школьни|несовершеннолет|подрост|ребен|ребён|дети|детей|детск|малолет|младен|лолит"
)

AGE: Final = re.compile(
    rf"(?<![\d.])(?<!\d )(?<!ty[ -])(?:{_UNDER_18}|{_ALL_NUMBERS})\s*[-–]?\s*(?:and\s+a\s+half\s*)?"
    r"(?:years?|yrs?|yr|y|months?|mos?|weeks?)\s*[-./]?\s*(?:olds?|o\b|young|of\s+age)"
    rf"|\b(?:aged?|age of)\s*:?\s*(?:{_UNDER_18}|{_ALL_NUMBERS})\b(?!\s*(?:0|\d))"
    rf"|\b(?:1[0-7]|[4-9])\s*y\s*/?\s*o\b"
    rf"|\b(?:looks?(?: like)?|looking|turn(?:s|ed|ing)?|(?:s?he|who)(?: is|'?s))\s+(?:just\s+|only\s+)?"
    rf"(?:1[0-7]|[4-9]|{NUMBERS})(?=\s*(?:$|[,.;:!)]|and\b|in\b|with\b|nude\b|naked\b))"
    rf"|\b(?:1[0-7]|[4-9])(?:th)?\s+birthday\b"
    rf"|(?<!\d)(?:{_UNDER_18})\s*(?:岁|周岁|歲|歳|才(?![能华華])|살|세(?![기계]))"
    r"|(?<![二三四五六七八九])十[一二三四五六七]?[岁歲歳]|(?<!十)[一二三四五六七八九][岁歲歳]"
    r"|\b(?:[1-9]|1[0-2])(?:st|nd|rd|th)\s+grade(?:r|rs)?\b"
    r"|\b(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth)[\s-]+graders?\b"
    rf"|\bde\s+(?:{_UNDER_18})\s+(?:anos|ans)\b"
    rf"|\b(?:{_UNDER_18})\s*[-–]?\s*jahrig\w*|\b(?:{_UNDER_18})\s+jahre\s+alt\b"
    rf"|(?<!\d)(?:{_UNDER_18})\s*[-–]?\s*лет(?:н\w+|\b)"
)
"""Ages under 18. Applied to text with its digits as typed; "25" never matches its "5"."""

SUGGESTIVE: Final = re.compile(
    r"\b(?:nude|nudes|nudity|naked|topless|undress\w*|stripping|striptease|panties|pantyless|thongs?|lingerie|upskirt|"
    r"sexy|sexuali[sz]ed|erotic\w*|seductive\w*|sensual\w*|porn|porno|pornos|pornstars?|hentai|lewd|nsfw|fetish\w*|"
    r"(?:child|children|kid|kids|kiddie|teen|minors?|underage|lolita) pornograph\w*|"
    r"horny|aroused|cleavage|nipples?|genitals?|crotch|masturbat\w*|orgasm\w*|provocative(?:ly)?|wet t[ -]?shirts?|"
    r"(?:underwear|bikinis?|swimsuits?)(?: \w+){0,3} (?:beds?|posing|poses?|spread\w*)|"
    r"(?:lolis?|shotas?)(?: \w+){0,3} (?:underwear|bikinis?|swimsuits?)|"
    # Spanish, Portuguese, French, German
    r"desnud\w*|pelad[ao]s?|nuas?|nue|nues|lenceria|erotiqu\w*|nackt\w*|sexo|sexuelle?s?)\b"
    "|裸体|裸體|全裸|半裸|赤裸|裸露|裸身|裸照|裸女|脱光|脫光|没穿衣服|沒穿衣服|一丝不挂|一絲不掛|光着身子|性感|色情|情色|诱惑|"
    "誘惑|内裤|內褲|情趣|露点|露點|做爱|做愛|性交|裸(?![眼麦麥足地子])|ヌード|エロ|セクシー|下着姿|나체|누드|알몸|섹시|야한|벗은|"
    r"\bгол(?:ая|ый|ые|ую|ой|ого|ых)\b|обнаж|эроти|сексуальн|порно"
)
"""Beside a minor these settle it. "sexual", "pornography" alone, "underwear", "swimsuit" and "bath" are not among them:
sex education and ordinary pictures of children have those."""
