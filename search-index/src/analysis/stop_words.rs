//! Words so common in a language that they say nothing about a text.

use tantivy::tokenizer::{Language as Listed, StopWordFilter};

use super::Language;

/// The filters of a language: the engine's list where it has one, and ours.
pub(super) fn filters(language: Language) -> Vec<StopWordFilter> {
    let own: Vec<String> = own(language).split_whitespace().map(str::to_owned).collect();
    let own = (!own.is_empty()).then(|| StopWordFilter::remove(own));
    listed(language).and_then(StopWordFilter::new).into_iter().chain(own).collect()
}

fn listed(language: Language) -> Option<Listed> {
    Some(match language.code() {
        "da" => Listed::Danish,
        "de" => Listed::German,
        "en" => Listed::English,
        "es" => Listed::Spanish,
        "fi" => Listed::Finnish,
        "fr" => Listed::French,
        "hu" => Listed::Hungarian,
        "it" => Listed::Italian,
        "nl" => Listed::Dutch,
        "pt" => Listed::Portuguese,
        "sv" => Listed::Swedish,
        _ => return None,
    })
}

/// Function words of the languages that the engine has no list for; for English the pronouns and
/// auxiliaries that its short list leaves out; for German the spelling without umlauts.
fn own(language: Language) -> &'static str {
    match language.code() {
        "bg" => {
            "и в на за с от да се е са по че не ще това като до или при към който която което които \
             също бе беше ни ви им му ѝ си аз ти той тя то ние вие те какво как къде кога този тази \
             тези само още много може има без над под през след преди между"
        }
        "cs" => {
            "a i v ve na za s se z ze od do je jsou být byl byla bylo byli že ne by to ten ta ty jako \
             pro při k ke který která které kteří také nebo ale po u o jsme jste jsem naše našich náš \
             jejich jeho její více může můžete mezi pod nad před bez tak když kde co si"
        }
        "de" => "fuer ueber waehrend wuerde wuerden koennen koennte muss muessen sowie bzw z.b",
        "el" => {
            "και στο στη στην στον στα στις στους το τα τη την τον του της των τους τις η ο οι ένα \
             ένας μια με για από σε ως που να θα δεν είναι ήταν έχει έχουν μας σας αυτό αυτή αυτά ή \
             αλλά όπως κατά μετά πριν μεταξύ επίσης"
        }
        "en" => {
            "we our ours us you your yours he she his her him i me my mine who whom whose which what \
             when where how has have had having do does did can could may might must shall should \
             would am been being were from about also more most than so only very just any all each \
             other some its"
        }
        "et" => {
            "ja ning on ei et ka see selle seda oma kui aga või mis kes ta me te nad ma sa oli olid \
             olema oleme meie teie nende tema kas siis veel ainult kuid ning nii koos kus kuidas \
             ühe üks"
        }
        "ga" => {
            "agus an na ar ag i le do de is tá bhí go a ó as faoi chun nó ach mar seo sin iad sé sí \
             muid sibh siad againn agat acu ní níl bheith dá gach"
        }
        "hr" => {
            "i u na za s sa od do je su biti bio bila bilo da ne se to ta taj kao pri prema koji koja \
             koje kojih također ili ali po o smo ste sam naš naša naše njihov više može između pod nad \
             prije bez tako kada gdje što si iz"
        }
        "lt" => {
            "ir į su iš yra kad ne bei ar tai tas ta kaip dėl prie kuris kuri kurie taip pat arba bet \
             po apie mes jūs jie jis ji mūsų jūsų jų būti buvo gali tarp nuo iki be už per"
        }
        "lv" => {
            "un ir uz ar no par ka ne vai tas tā kā pie kas kurš kura kuri arī bet pēc mēs jūs viņi \
             viņš viņa mūsu jūsu viņu būt bija var starp līdz bez caur gan lai"
        }
        "mt" => {
            "u il l ta tal ta' fi fil ma' mal minn għal għall li hu hija huma hemm mhux jew iżda \
             bħal din dan dawn aħna intom tagħna tagħkom kien kienet kull"
        }
        "pl" => {
            "i w we na za z ze od do jest są być był była było byli że nie by to ten ta te jako dla \
             przy ku który która które którzy także lub albo ale po u o jesteśmy nasz nasza nasze ich \
             jego jej więcej może między pod nad przed bez tak gdy kiedy gdzie co się oraz a jak \
             tym tego czy przez"
        }
        "ro" => {
            "și în pe la cu din de a al ai ale este sunt fi fost că nu să se care pentru prin sau dar \
             după despre noi voi ei el ea ele noastre noastră nostru lor mai poate între până fără un \
             o unei unui ca sa si in"
        }
        "sk" => {
            "a i v vo na za s so sa z zo od do je sú byť bol bola bolo boli že nie by to ten tá tie \
             ako pre pri k ku ktorý ktorá ktoré ktorí tiež alebo ale po u o sme ste som naše našich \
             náš ich jeho jej viac môže medzi pod nad pred bez tak keď kde čo si"
        }
        "sl" => {
            "in v na za s z od do je so biti bil bila bilo bili da ne bi to ta kot pri k ki tudi ali \
             pa po o smo ste sem naš naša naše njihov več lahko med pod nad pred brez tako ko kje kaj \
             si se iz"
        }
        _ => "",
    }
}
