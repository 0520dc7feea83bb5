"""Tables of the English grammar: signs, abbreviations, magnitudes and units in words."""

SIGNS = {
    "&": "and", "@": "at", "#": "hash", "%": "percent", "=": "equals", "≠": "is not equal to", "≈": "is about",
    "≤": "is at most", "≥": "is at least", "±": "plus or minus", "×": "times", "÷": "divided by", "√": "square root of",
    "∞": "infinity", "→": "to", "°": "degrees", "§": "section", "©": "copyright", "®": "registered", "™": "trademark",
    "$": "dollar", "€": "euro", "£": "pound", "¥": "yen", "₹": "rupee", "₩": "won", "№": "number", "^": "to the power of",
    "+": "plus",
}  # fmt: skip
WEB_SIGNS = {
    ".": "dot", "/": "slash", "-": "dash", "_": "underscore", ":": "colon", "@": "at", "?": "question mark",
    "=": "equals", "&": "and", "#": "hash", "~": "tilde", "%": "percent", "+": "plus",
}  # fmt: skip
ABBREVIATIONS = {
    "Mr.": "mister", "Mrs.": "misses", "Ms.": "miz", "Dr.": "doctor", "Prof.": "professor", "Capt.": "captain",
    "Lt.": "lieutenant", "Col.": "colonel", "Gen.": "general", "Sgt.": "sergeant", "Rev.": "reverend",
    "Hon.": "honorable", "Gov.": "governor", "Sen.": "senator", "Rep.": "representative", "Pres.": "president",
    "Jr.": "junior", "Sr.": "senior", "vs.": "versus", "etc.": "et cetera", "e.g.": "for example", "i.e.": "that is",
    "approx.": "approximately", "dept.": "department", "Dept.": "department", "est.": "established",
    "Ave.": "avenue", "Blvd.": "boulevard", "Rd.": "road", "Hwy.": "highway", "Mt.": "mount", "Ft.": "fort",
    "Inc.": "incorporated", "Ltd.": "limited", "Corp.": "corporation", "Bros.": "brothers", "w/": "with ",
    "w/o": "without ",
    "Messrs.": "messieurs", "Adm.": "admiral", "Maj.": "major", "Cpl.": "corporal", "Cmdr.": "commander",
    "Supt.": "superintendent", "Esq.": "esquire", "Assn.": "association", "Univ.": "university", "Apt.": "apartment",
    "apt.": "apartment", "misc.": "miscellaneous", "cf.": "compare", "et al.": "and others",
    "a.k.a.": "also known as", "Ph.D.": "P H D", "Jan.": "January", "Feb.": "February", "Aug.": "August",
    "Sept.": "September", "Oct.": "October", "Nov.": "November", "Dec.": "December", "incl.": "including",
}  # fmt: skip
NUMBERED = {
    "p.": "page", "pp.": "pages", "no.": "number", "nos.": "numbers", "fig.": "figure", "figs.": "figures", "vol.": "volume",
    "vols.": "volumes", "ch.": "chapter", "chap.": "chapter", "sec.": "section", "art.": "article", "eq.": "equation", "pt.": "part",
    "par.": "paragraph",
}  # fmt: skip
MAGNITUDES = {
    "thousand": "thousand", "million": "million", "billion": "billion", "trillion": "trillion",
    "quadrillion": "quadrillion", "bn": "billion", "mn": "million", "b": "billion", "tn": "trillion", "k": "thousand",
    "K": "thousand", "M": "million", "B": "billion", "T": "trillion",
}  # fmt: skip
UNIT_WORDS = {
    "hp": ("horsepower", "horsepower"), "mbps": ("megabit per second", "megabits per second"),
    "Mbps": ("megabit per second", "megabits per second"), "Gbps": ("gigabit per second", "gigabits per second"),
    "kbps": ("kilobit per second", "kilobits per second"), "rpm": ("revolution per minute", "revolutions per minute"),
    "fps": ("frame per second", "frames per second"), "dB": ("decibel", "decibels"), "in": ("inch", "inches"),
    "km²": ("square kilometer", "square kilometers"), "length-meter": ("meter", "meters"),
}  # fmt: skip
RATES = {
    "mo": "month", "yr": "year", "wk": "week", "d": "day", "day": "day", "month": "month", "year": "year",
    "week": "week", "hr": "hour", "hour": "hour", "person": "person", "night": "night",
}  # fmt: skip
