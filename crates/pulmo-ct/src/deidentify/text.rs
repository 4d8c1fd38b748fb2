//! Text that may stay: words this program knows, number by number and word by word; whatever else was typed goes.
//!
//! A list of attributes alone would not do: a name can be typed into any of them. So a value stays only if it is
//! itself known: a coded word of the standard, a maker, a reconstruction kernel, a number.

use std::collections::HashSet;
use std::sync::OnceLock;

use dicom_core::Tag;
use dicom_dictionary_std::tags;

/// All enumerated values and defined terms of coded strings in PS3.3; remade by `oracles/deidentify/make.py`.
const CODED_WORDS: &str = include_str!("coded_words.txt");

/// Coded strings that the standard names elsewhere or that scanners use: kinds of image, scan modes, body parts.
const MORE_CODED_WORDS: &str = "\
    3D|ADDITION|AIDR|ALL|ANGLE|ASIR|AVERAGE|AX|AXIAL|BODY|BONE|CARDIAC|CARDIAC_GATED|CINE MODE|CINE|CORONAL|COR|\
    CSA MPR|CSAMANIPULATED|CSAPARALLEL|CSA 3D EDITOR|CSA BLACK IMAGE|CT_SOM5 MPR|CT_SOM5 NONE|CT_SOM5 PROT|CT_SOM5 SEQ|CT_SOM5 SPI|CT_SOM5 TOP|\
    CT_SOM7 MPR|CT_SOM7 SPI DUAL|CT_SOM7 SPI|CT_SOM7 TOP|DERIVED|DET_A|DET_AB|DET_B|DUAL|DUAL_ENERGY|ECG|FBP|GATED|GSI|HELICAL|HELICAL MODE|\
    HELICAL_CT|HELIX|HIGH|IR|IMR|ITERATIVE|ISO_10918_1|ISO_14495_1|ISO_15444_1|ISO_15444_15|J30F|LOCALIZER|LOW|LUNG|\
    MAX_IP|MEAN_IP|MIN IP|MIN_IP|MIP|MONO|MPR|MULTI|NON_GATED|NONE|NORMAL|OM|ORIGINAL|OTHER|PERFUSION|PET|PRIMARY|RECON|\
    REFORMATTED|RESAMPLED|SAG|SAGITTAL|SAFIRE|SCOUT|SCOUT MODE|SECONDARY|SEQ|SEQUENCE|SEQUENCED|SLAB|SOFT|SPI|SPIRAL|STANDARD|STATIC|SURVEY|\
    SURVEY MODE|THIN|TOPOGRAM|VOLUME|XYZ_EC|XY_EC|Z_EC|Z_DOM|D_DOM|Z-DOM|D-DOM|\
    HFS|HFP|HFDR|HFDL|FFS|FFP|FFDR|FFDL|L|R|A|P|H|F|\
    ABDOMEN|ABDOMENPELVIS|ADRENAL|ANKLE|AORTA|ARM|AXILLA|BACK|BLADDER|BRAIN|BREAST|BRONCHUS|CALCANEUS|CALF|CAROTID|\
    CEREBELLUM|CERVIX|CHEEK|CHEST|CHESTABDOMEN|CHESTABDPELVIS|CHEST_ABDOMEN|CHEST_TO_PELVIS|CHEST ABDOMEN|CLAVICLE|COCCYX|COLON|CORNEA|CORONARYARTERY|CSPINE|CTSPINE|\
    CIRCLEOFWILLIS|DUODENUM|EAR|ELBOW|ESOPHAGUS|EXTREMITY|EYE|EYELID|FACE|FEMUR|FINGER|FOOT|GALLBLADDER|HAND|HEAD|HEADNECK|\
    HEART|HIP|HUMERUS|IAC|ILEUM|ILIUM|JAW|JEJUNUM|KIDNEY|KNEE|LARYNX|LEG|LIVER|LSPINE|LSSPINE|MANDIBLE|MAXILLA|MEDIASTINUM|\
    MOUTH|NECK|NECKCHEST|NECKCHESTABDOMEN|NECKCHESTABDPELV|NOSE|ORBIT|OVARY|PANCREAS|PAROTID|PATELLA|PELVIS|PENIS|PHARYNX|PROSTATE|\
    RECTUM|RIB|SCALP|SCAPULA|SCLERA|SCROTUM|SHOULDER|SKULL|SPINE|SPLEEN|SSPINE|STERNUM|STOMACH|SUBMANDIBULAR|TESTIS|THIGH|\
    THORAX|THUMB|THYMUS|THYROID|TLSPINE|TMJ|TOE|TONGUE|TRACHEA|TSPINE|ULNA|URETER|URETHRA|UTERUS|VAGINA|VULVA|WHOLEBODY|WRIST|\
    ZYGOMA";

const MAKERS: [&str; 30] = [
    "agfa",
    "canon",
    "canon medical systems",
    "canon_mec",
    "fujifilm corporation",
    "fujifilm healthcare corporation",
    "ge healthcare",
    "ge medical systems",
    "general electric",
    "hitachi",
    "hitachi medical corporation",
    "hitachi, ltd.",
    "imatron",
    "neurologica",
    "neusoft",
    "neusoft medical systems",
    "nms",
    "philips",
    "philips healthcare",
    "philips medical systems",
    "philips medical systems, inc.",
    "picker international, inc.",
    "samsung electronics",
    "shimadzu",
    "siemens",
    "siemens healthcare",
    "siemens healthineers",
    "toshiba",
    "toshiba_mec",
    "uih",
];

/// The words of which the names of CT models are made.
const MODEL_WORDS: &str = " access activion advance alexion anatom aquilion apex as as+ asteion balance big biograph bore \
    brightspeed brilliance cardiac care ct definition discovery drive duo dual eclos edge elite emotion energy evo exact \
    flash fluoro force frontier gemini go go.all go.now go.open go.pro go.sim go.top go.up helicat hd hispeed ict incisive ingenuity \
    iqon lb lightning lightspeed lx mct mx mx8000 naeotom neuviz one optima perspective plus plus4 power precision presence prime pro \
    pro16 qxi rt rxl scenaria scope select sensation somatom sp spectral spirit supria tf tof ultra uct umi vct \
    vision vision600 volume x xr xt alpha genesis 16p 128p revolution ";

const KERNELS: &str = "|b_soft_b|b_sharp_c|b_very_sharp_c|bone|boneplus|body|brain|chest|chst|detail|edge|hd bone|hd chst|hd detail|hd edge|\
    hd lung|hd soft|hd stnd|hd standard|high|imr1|lung|lung_b|mediastinum|medium|none|routine|sharp|smooth|soft|soft_b|standard|\
    stnd|ultra|very sharp|";

const FILTERS: &str = "|air|body|body filter|bowtie|butterfly|flat|head|head filter|large|large body|large filter|medium|medium filter|none|\
    small|small body|small filter|strip|wedge|wedge_0|wedge_1|wedge_2|wedge_3|wedge_s|wedge_m|wedge_l|";

const REFERENCES: &str = "|cm|eam|external auditory meatus|ic|iliac crest|lower costal margin|oc|om|orbital medial|oml|sn|ss|\
    sternal notch|symphysis pubis|vertex|xiphoid|xy|";

const WINDOWS: &str = "|abdomen|bone|brain|lung|mediastinum|soft tissue|window1|window2|";

/// Whether a coded string (CS) is a word of the standard or of a scanner.
pub(super) fn is_coded_word(value: &str) -> bool {
    static WORDS: OnceLock<HashSet<&str>> = OnceLock::new();
    let words =
        || CODED_WORDS.lines().chain(MORE_CODED_WORDS.split('|').map(str::trim)).filter(|word| !word.is_empty());
    WORDS.get_or_init(|| words().collect()).contains(value)
}

/// Whether a free text value of `tag` is a technical word that this program knows and that CT data need.
///
/// Attributes that are not named here have no such word.
pub(super) fn is_technical(tag: Tag, value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let is_in = |list: &str| !lower.contains('|') && list.contains(&format!("|{lower}|"));
    match tag {
        tags::MANUFACTURER => MAKERS.contains(&lower.as_str()),
        tags::MANUFACTURER_MODEL_NAME => lower.split([' ', '/']).all(is_model_word),
        tags::CONVOLUTION_KERNEL => is_in(KERNELS) || is_kernel_code(value),
        tags::FILTER_TYPE => is_in(FILTERS) || is_small_number(value),
        tags::RESCALE_TYPE => ["HU", "HU_MOD", "US", "OD", "PCT", "MGML", "ED", "EDW", "Z_EFF"].contains(&value),
        tags::POSITION_REFERENCE_INDICATOR => is_in(REFERENCES),
        tags::WINDOW_CENTER_WIDTH_EXPLANATION => is_in(WINDOWS),
        tags::STACK_ID => is_small_number(value),
        _ => false,
    }
}

/// Whether a value is a decimal string (DS) or an integer string (IS) and no longer than numbers are.
///
/// The standard's 16 characters are exceeded by many writers, so a double's longest form is taken.
pub(super) fn is_number(value: &str) -> bool {
    let is_plain = value.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    is_plain && value.len() <= 25 && value.parse::<f64>().is_ok_and(f64::is_finite)
}

/// Whether a value is an age (AS): three digits and its unit.
pub(super) fn is_age(value: &str) -> bool {
    matches!(value.as_bytes(), [a, b, c, b'D' | b'W' | b'M' | b'Y'] if [a, b, c].iter().all(|x| x.is_ascii_digit()))
}

fn is_model_word(word: &str) -> bool {
    let is_known = !word.is_empty() && MODEL_WORDS.contains(&format!(" {word} "));
    let number = word.strip_prefix("ct").unwrap_or(word);
    is_known || is_small_number(number) || number.strip_suffix("hd").is_some_and(is_small_number)
}

fn is_small_number(value: &str) -> bool {
    (1..=4).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit())
}

/// `B30f`, `Br40d`, `I70f`, `FC51`, `FC08-H`, `YA`, `C`: up to three letters, up to three digits, a letter or two.
fn is_kernel_code(value: &str) -> bool {
    let (code, variant) = value.split_once('-').map_or((value, None), |(code, variant)| (code, Some(variant)));
    let is_variant = variant.is_none_or(|v| (1..=2).contains(&v.len()) && v.bytes().all(|b| b.is_ascii_alphanumeric()));
    let letters = code.bytes().take_while(u8::is_ascii_alphabetic).count();
    let digits = code.bytes().skip(letters).take_while(u8::is_ascii_digit).count();
    let last = &code.as_bytes()[letters + digits..];
    let is_end = last.len() <= 1 && last.iter().all(u8::is_ascii_lowercase);
    let is_code = match digits {
        0 => letters <= 2 && last.is_empty(),
        digits => letters <= 3 && digits <= 3,
    };
    is_variant && is_end && is_code && !code.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn technical_words_stay_and_names_go() {
        for kernel in ["B30f", "Br40d", "I70f", "3", "FC51", "FC08-H", "YA", "C", "LUNG", "BONEPLUS", "STANDARD", "b"] {
            assert!(is_technical(tags::CONVOLUTION_KERNEL, kernel), "{kernel}");
        }
        for model in [
            "LightSpeed VCT",
            "SOMATOM Definition AS+",
            "Brilliance 64",
            "Aquilion ONE",
            "Optima CT660",
            "Discovery CT750 HD",
        ] {
            assert!(is_technical(tags::MANUFACTURER_MODEL_NAME, model), "{model}");
        }
        assert!(is_technical(tags::MANUFACTURER, "GE MEDICAL SYSTEMS"));
        for name in ["SMITH", "Smith^John", "Ann", "Müller", "", "LUNG|BONE", "a|b"] {
            for tag in [
                tags::CONVOLUTION_KERNEL,
                tags::MANUFACTURER_MODEL_NAME,
                tags::MANUFACTURER,
                tags::RESCALE_TYPE,
                tags::PATIENT_COMMENTS,
            ] {
                assert!(!is_technical(tag, name), "{tag} {name}");
            }
            assert!(!is_coded_word(name), "{name}");
        }
        for word in ["CT", "HFS", "ORIGINAL", "AXIAL", "MONOCHROME2", "CHEST", "CT_SOM5 SPI", "LINEAR", "YES"] {
            assert!(is_coded_word(word), "{word}");
        }
    }

    #[test]
    fn numbers_and_ages_are_told_from_text() {
        for number in ["1", "-1.5e-3", "+7", "-176.12345678901234"] {
            assert!(is_number(number), "{number}");
        }
        for other in ["", "1e999", "NaN", "inf", "e", "1 2", "0x10", "12345678901234567890123456"] {
            assert!(!is_number(other), "{other}");
        }
        assert!(is_age("091Y") && !is_age("91Y") && !is_age("091X"));
    }
}
