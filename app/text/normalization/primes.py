"""Words of each language for degrees, feet and inches: compass points, and nouns that are measured in inches."""

import msgspec


class PrimeWords(msgspec.Struct, frozen=True):
    """How one language reads `48°51'24" N`, and beside which nouns `27"` is inches."""

    compass: dict[str, str]
    """letters and abbreviations that follow degrees -> spoken words"""
    inch_nouns: str
    """regular expression of words, or their beginnings, that name what is measured in inches"""
    reporting: str = ""
    """regular expression of words behind a quotation, where `"` behind a number is no inch sign"""
    is_first: bool = False
    """whether the compass point is said before the degrees: 北纬四十八度"""
    keeps_front: bool = False
    """whether a letter that is written before the degrees is said there: `N 48°` is `north forty eight degrees`"""
    names: tuple[str, str, str] | None = None
    """degree, minute and second where they have no space and are not CLDR's"""
    arc_units: tuple[str, str] = ("duration-minute", "duration-second")
    """CLDR's keys of the names that minutes and seconds of arc have beside degrees"""
    and_prefix: str = ""
    """prefix of minutes, seconds and inches behind a larger unit, such as the Arabic `و`"""
    declines: bool = False
    """whether numbers govern cases: a later rule says the number of `do 40° N`, and `1/2"` has a genitive"""
    degree_words: str = ""
    """regular expression of words behind `40°` that make it degrees, where the sign writes ordinals too"""
    angle_words: str = ""
    """regular expression of words before `90°` that make it degrees there"""

    def sequence(self, parts: list[str]) -> list[str]:
        """`parts`, each but the first with `and_prefix`."""
        return [*parts[:1], *(self.and_prefix + part for part in parts[1:])]


PRIMES: dict[str, PrimeWords] = {
    "en": PrimeWords(
        {"N": "north", "S": "south", "E": "east", "W": "west", "NE": "north east", "NW": "north west",
         "SE": "south east", "SW": "south west"},
        r"screen|monitor|display|tv|television|laptop|tablet|pipe|wheel|rim|tire|tyre|pizza|diameter|wide|width|height|length|"
        r"long|tall|high|deep|thick|snow|rain|vinyl|record|lp\b|ep\b|waist|pole|subwoofer|speaker|board|nail|drill|hose|cable",
        keeps_front=True,
        reporting=(
            r"(?:of course|according|recorded|reported|muttered|sa(?:id|ys)|ask(?:s|ed)|repl(?:y|ies|ied)|"
            r"whisper(?:s|ed)|remember(?:s|ed)|recall(?:s|ed)|add(?:s|ed)|explain(?:s|ed)|note[sd]|told|tells|thinks?|thought|"
            r"laugh(?:s|ed)|shout(?:s|ed)|cr(?:y|ies|ied)|answer(?:s|ed)|admit(?:s|ted)|claim(?:s|ed)|insist(?:s|ed)|"
            r"joke[sd]|wr(?:ites|ote)|continue[sd]|agree[sd]|repeat(?:s|ed)|"
            r"(?:he|she|they|we|i|you) \w+|my|his|her|their)\b"
        ),
    ),
    "es": PrimeWords(
        {"N": "norte", "S": "sur", "E": "este", "O": "oeste", "W": "oeste"},
        "pantalla|monitor|televisor|tele|tv|portátil|tubo|tubería|llanta|rueda|neumático|pizza|disco|vinilo|tableta|diámetro|diagonal|clavo",
        keeps_front=True,
        degree_words="norte|sur|oeste|(?:de )?latitud|(?:de )?longitud",
        angle_words=r"ángulos?|gir\w+|rotaci\w+|rot[ae]r?\b|inclina\w+|pendiente|temperatura|latitud|longitud",
        reporting=(
            r"(?:dijo|dice|dicen|pregunt\w+|respond\w+|respuso|añad\w+|record\w+|explic\w+|contest\w+|"
            r"según)\b"
        ),
    ),
    "fr": PrimeWords(
        {"N": "nord", "S": "sud", "E": "est", "O": "ouest", "W": "ouest"},
        "écran|moniteur|téléviseur|télé|tv|portable|tuyau|tube|jante|roue|pneu|pizza|vinyle|disque|tablette|diamètre|diagonale|raccord",
        keeps_front=True,
        degree_words="nord|sud|ouest|(?:de )?latitude|(?:de )?longitude",
        angle_words=r"angles?|tourn\w+|pivot\w+|rotation|inclin\w+|pente|température|latitude|longitude|virage|panorama",
        reporting=r"(?:dit|a dit|raconte|demand\w+|répond\w+|ajout\w+|expliqu\w+|murmur\w+|selon)\b",
    ),
    "de": PrimeWords(
        {"N": "Nord", "S": "Süd", "O": "Ost", "E": "Ost", "W": "West", "n. Br.": "nördlicher Breite",
         "s. Br.": "südlicher Breite", "ö. L.": "östlicher Länge", "w. L.": "westlicher Länge"},
        r"\w*monitor|\w*bildschirm|\w*display|\w*fernseher|tv\b|laptop|notebook|tablet|\w*rohr|\w*felge|\w*reifen|rad\b|räder|"
        r"pizza|schallplatte|vinyl|single|durchmesser|\w*gewinde|schlauch|anschluss|\w*diagonale",
        keeps_front=True,
        reporting=(
            r",|sag\w+|mein(?:t|te|ten)\b|frag\w+|rief|ruft|antwort\w+|erklär\w+|erzähl\w+|flüster\w+|"
            r"schrei\w+|schrieb|erinner\w+|beton\w+|heißt|hieß|laut\b|so\b"
        ),
    ),
    "it": PrimeWords(
        {"N": "nord", "S": "sud", "E": "est", "O": "ovest", "W": "ovest"},
        "schermo|monitor|televisore|tv|portatile|tubo|tubi|cerchi|ruot|pneumatic|pizza|vinile|disco|tablet|diametro|diagonale|raccord",
        keeps_front=True,
        arc_units=("angle-arc-minute", "angle-arc-second"),
        degree_words="nord|sud|est|ovest|(?:di )?latitudine|(?:di )?longitudine",
        angle_words=r"angol\w+|ruot\w+|rotazion\w+|inclin\w+|pendenza|temperatura|latitudine|longitudine|gir\w+",
        reporting=r"(?:disse|dice|ha detto|chie\w+|rispo\w+|aggiun\w+|ricord\w+|spieg\w+|secondo)\b",
    ),
    "pt": PrimeWords(
        {"N": "norte", "S": "sul", "E": "leste", "L": "leste", "O": "oeste", "W": "oeste"},
        "tela|ecrã|monitor|televisor|televisão|tv|portátil|notebook|tubo|cano|roda|aro|pneu|pizza|disco|vinil|tablet|diâmetro|diagonal",
        keeps_front=True,
        degree_words="norte|sul|leste|oeste|(?:de )?latitude|(?:de )?longitude",
        angle_words=r"ângulos?|gir\w+|rota[rç]\w+|inclina\w+|temperatura|latitude|longitude",
        reporting=r"(?:disse|diz|pergunt\w+|respond\w+|acrescent\w+|lembr\w+|explic\w+|segundo)\b",
    ),
    "pl": PrimeWords(
        {"N": "szerokości północnej", "S": "szerokości południowej", "E": "długości wschodniej",
         "W": "długości zachodniej"},
        r"monitor|ekran|wyświetlacz|telewizor|laptop|tablet|rura|rury|felg|koła\b|opon|pizz|płyt|winyl|średnic|przekątn",
        declines=True,
        reporting=r"(?:powiedzia\w+|mówi\w*|zapyta\w+|odpowiedzia\w+|doda\w+)\b",
    ),
    "tr": PrimeWords(
        {"K": "kuzey", "N": "kuzey", "G": "güney", "S": "güney", "D": "doğu", "E": "doğu", "B": "batı", "W": "batı"},
        "ekran|monitör|televizyon|tv|dizüstü|tablet|boru|jant|lastik|pizza|plak",
        reporting=r"(?:dedi\w*|diye|diyor|sordu)\b",
    ),
    "ru": PrimeWords(
        {"N": "северной широты", "S": "южной широты", "E": "восточной долготы", "W": "западной долготы",
         "с. ш.": "северной широты", "ю. ш.": "южной широты", "в. д.": "восточной долготы", "з. д.": "западной долготы",
         "с.ш.": "северной широты", "ю.ш.": "южной широты", "в.д.": "восточной долготы", "з.д.": "западной долготы"},
        "монитор|экран|диспле|телевизор|ноутбук|планшет|труб|диск|колес|колёс|шин|пицц|пластинк|диаметр|диагонал",
        declines=True,
        reporting=r"(?:сказал\w*|говор\w+|спросил\w*|ответил\w*|добавил\w*)\b",
    ),
    "nl": PrimeWords(
        {"N": "noorderbreedte", "NB": "noorderbreedte", "S": "zuiderbreedte", "Z": "zuiderbreedte",
         "ZB": "zuiderbreedte", "E": "oosterlengte", "O": "oosterlengte", "OL": "oosterlengte", "W": "westerlengte",
         "WL": "westerlengte"},
        r"scherm|beeldscherm|monitor|tv|televisie|laptop|tablet|buis|pijp|velg|band(?:en)?\b|wiel|pizza|plaat|diameter",
        reporting=r"(?:zei\w*|zegt|vroeg|vraagt|antwoord\w*|vertel\w*|volgens)\b",
    ),
    "cs": PrimeWords(
        {"N": "severní šířky", "S": "jižní šířky", "E": "východní délky", "W": "západní délky",
         "s. š.": "severní šířky", "j. š.": "jižní šířky", "v. d.": "východní délky", "z. d.": "západní délky"},
        r"monitor|obrazovk|displej|televiz|notebook|tablet|trubk|potrub|kol[oa]\b|pneumatik|pizz|desk|vinyl|průměr|úhlopříč",
        declines=True,
        reporting=r"(?:řekl\w*|říká|zeptal\w*|odpověděl\w*|dodal\w*)\b",
    ),
    "ar": PrimeWords(
        {"N": "شمالاً", "S": "جنوباً", "E": "شرقاً", "W": "غرباً"},
        "شاشة|تلفزيون|تلفاز|أنبوب|عجلة|إطار|بيتزا",
        and_prefix="و",
    ),
    "zh-cn": PrimeWords(
        {"N": "北纬", "S": "南纬", "E": "东经", "W": "西经"},
        "屏幕|显示器|电视|屏|管|轮|披萨|唱片",
        is_first=True,
        names=("度", "分", "秒"),
    ),
    "hu": PrimeWords(
        {"N": "északi szélesség", "É": "északi szélesség", "S": "déli szélesség", "D": "déli szélesség",
         "E": "keleti hosszúság", "K": "keleti hosszúság", "W": "nyugati hosszúság", "Ny": "nyugati hosszúság"},
        "monitor|képernyő|kijelző|televízió|tévé|tv|laptop|tablet|cső|felni|kerék|pizza|lemez|átmérő|képátló",
        reporting=r"(?:mondta|mondja|kérdezte|felelte)\b",
    ),
    "ko": PrimeWords(
        {"N": "북위", "S": "남위", "E": "동경", "W": "서경"},
        "화면|모니터|티비|TV|텔레비전|노트북|태블릿|파이프|휠|타이어|피자",
        is_first=True,
    ),
    "ja": PrimeWords(
        {"N": "北緯", "S": "南緯", "E": "東経", "W": "西経"},
        "画面|モニター|ディスプレイ|テレビ|パイプ|ホイール|タイヤ|ピザ|レコード",
        is_first=True,
        names=("度", "分", "秒"),
    ),
    "hi": PrimeWords(
        {"N": "उत्तर", "S": "दक्षिण", "E": "पूर्व", "W": "पश्चिम", "उ": "उत्तर", "द": "दक्षिण", "पू": "पूर्व", "प": "पश्चिम"},
        "स्क्रीन|मॉनिटर|टीवी|डिस्प्ले|लैपटॉप|टैबलेट|पाइप|पहिया|टायर|पिज़्ज़ा|पिज्जा",
    ),
}  # fmt: skip
