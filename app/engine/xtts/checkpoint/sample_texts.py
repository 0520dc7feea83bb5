"""One everyday sentence for each language of XTTS v2, of some five seconds: what a checkpoint is checked with."""

SAMPLE_TEXTS = {
    "en": "The train to the coast leaves at noon, so we have time for a quiet breakfast by the window.",
    "es": "El tren hacia la costa sale a mediodía, así que podemos desayunar con calma junto a la ventana.",
    "fr": "Le train pour la côte part à midi, nous avons donc le temps de déjeuner près de la fenêtre.",
    "de": "Der Zug an die Küste fährt am Mittag, also frühstücken wir in aller Ruhe am Fenster.",
    "it": "Il treno per la costa parte a mezzogiorno, quindi facciamo colazione con calma vicino alla finestra.",
    "pt": "O comboio para a costa parte ao meio-dia, por isso tomamos o café com calma junto à janela.",
    "pl": "Pociąg nad morze odjeżdża w południe, więc spokojnie zjemy śniadanie przy oknie.",
    "tr": "Sahile giden tren öğlen kalkıyor, bu yüzden pencerenin yanında sakin bir kahvaltı yapabiliriz.",
    "ru": "Поезд к морю уходит в полдень, поэтому мы спокойно позавтракаем у окна.",
    "nl": "De trein naar de kust vertrekt om twaalf uur, dus ontbijten we rustig bij het raam.",
    "cs": "Vlak k moři odjíždí v poledne, takže se v klidu nasnídáme u okna.",
    "ar": "يغادر القطار إلى الساحل عند الظهر، لذلك لدينا وقت لفطور هادئ قرب النافذة.",
    "zh-cn": "去海边的火车中午出发，所以我们可以在窗边安静地吃早饭。",
    "hu": "A tengerpartra induló vonat délben megy, ezért nyugodtan reggelizünk az ablaknál.",
    "ko": "바닷가로 가는 기차는 정오에 떠나니 우리는 창가에서 조용히 아침을 먹을 수 있어요.",
    "ja": "海へ行く電車は正午に出るので、窓のそばで静かに朝ご飯を食べましょう。",
    "hi": "समुद्र तट की रेलगाड़ी दोपहर को निकलती है, इसलिए हम खिड़की के पास आराम से नाश्ता करेंगे।",
}
