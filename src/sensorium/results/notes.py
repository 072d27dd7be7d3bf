"""What a Timeline's notes say, in English and Chinese.

A result bears the English; where somebody reads Chinese, `in_chinese` finds the words again.
"""

import re
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Note:
    """Words with `{name}` where a value stands; the same names in both languages."""

    en: str
    zh: str

    def __call__(self, **values: object) -> str:
        return self.en.format(**values)


NO_SOUND = Note("it has no sound: no voice is read", "没有声音：不读语音")
NO_PICTURE = Note("it has no moving picture: no face is read", "没有画面：不读人脸")
NO_FACE = Note("no face is found in it", "没有找到人脸")
NO_SPEECH = Note("no speech is heard in it", "没有听到说话")
SILENT_HERE = Note("the transcript says nothing within this stretch", "文字稿在这一段里没有内容")
OVER_SPEECH = Note(
    "the transcript has no times: its sentences are laid over the speech in order, by their length",
    "文字稿没有时间：句子按顺序和长短排在说话的时段里",
)
OVER_ALL = Note(
    "the transcript has no times: its sentences are laid over the whole in order, by their length",
    "文字稿没有时间：句子按顺序和长短排满全长",
)
NO_TRANSCRIPT = Note(
    "what is said is not read: speech is not recognised yet (--transcript FILE.srt)",
    "没有读说的话：还不能识别语音（--transcript FILE.srt）",
)
BESIDE = Note(
    "what is said is not read: {name} lies beside it (--transcript {path})",
    "没有读说的话：旁边有 {name}（--transcript {path}）",
)
GUESSED = Note(
    "the encoding of {name} was guessed, {encoding}: if its words are wrong, save it in UTF-8, "
    "as with {command}",
    "{name} 的编码是猜的：{encoding}；如果文字不对，请存成 UTF-8，例如 {command}",
)
BASELINE = Note(
    "own pitch, loudness and pace are medians of all speech here, as if one person spoke",
    "自身的音高、响度和语速是这里全部语音的中位数，当作一个人在说话",
)
NO_BASELINE = Note(
    "too little speech for a speaker's own way: 20 s in five stretches are wanted",
    "说话太少，看不出说话人自身的习惯：至少要五段、共 20 秒",
)
LEFT_OUT = Note("the {sign} model also tells {labels}: left out", "{sign}模型还分 {labels}：略去")
IN_NO_ROW = Note(
    "the text model also tells {labels}: in no row", "文字模型还分 {labels}：不在各行里"
)
SOME_LANGUAGE = Note(
    "the voice model learned from speech in {languages}; which language this is, --lang can say",
    "语音模型只学过{languages}；说的是什么语言，可用 --lang 指明",
)
OTHER_LANGUAGE = Note(
    "the voice model learned from speech in {languages}: of {language} it is a guess",
    "语音模型只学过{languages}：读{language}只是猜测",
)
UNLEARNED = Note(
    "some sentences are in a language that the model has not learned",
    "有些句子的语言，模型没有学过",
)
SHARED_ROWS = Note(
    "more faces than rows: a row holds one after another", "人脸比行多：一行先后放几张脸"
)
LOST = Note(
    "{count} more faces, seen for less long, are left out", "另有 {count} 张人脸出现较短，略去"
)
CLIPPED = Note(
    "the sound is clipped in places: loudness and roughness are not to be trusted there",
    "声音有削波：那里的响度和粗糙度不可靠",
)
MISSING = Note("{sign} is left out: {why}", "没有读{sign}：{why}")
SOUND_AMISS = Note("the sound: {why}", "声音：{why}")
PICTURE_AMISS = Note("the picture: {why}", "画面：{why}")

# What `media` says of a file.
_FILES = (
    Note("it ends after {end} of {length} seconds", "应有 {length} 秒，到 {end} 秒就断了"),
    Note("it is cut off, or a part of it is broken", "文件不完整，或有一处损坏"),
    Note("no picture after {end} s can be decoded", "{end} 秒以后的画面无法解码"),
)
_LANGUAGES = {
    "zh": ("Chinese", "中文"),
    "en": ("English", "英语"),
    "de": ("German", "德语"),
    "fr": ("French", "法语"),
    "es": ("Spanish", "西班牙语"),
    "it": ("Italian", "意大利语"),
    "pt": ("Portuguese", "葡萄牙语"),
    "ru": ("Russian", "俄语"),
    "ja": ("Japanese", "日语"),
    "ko": ("Korean", "韩语"),
    "other": ("another language", "其他语言"),
}
_WORDS = {
    "text": "文字",
    "voice": "语音",
    "face": "人脸",
    "landmarks": "面部关键点",
    "the post": "图文",
    **{word: zh for code, (en, zh) in _LANGUAGES.items() for word in (code, en)},
}
_ALL = (*(note for note in list(globals().values()) if isinstance(note, Note)), *_FILES)


def language(code: str) -> str:
    """`de` → German; a code that is not known here stays as it is."""
    return _LANGUAGES.get(code, (code, code))[0]


def in_chinese(told: str) -> str:
    """A note in Chinese; what has no Chinese words stays as it is."""
    if told in _WORDS:
        return _WORDS[told]
    for note in _ALL:
        if found := _pattern(note.en).fullmatch(told):
            values = {name: _value(value) for name, value in found.groupdict().items()}
            return note.zh.format(**values)
    return told


def _value(told: str) -> str:
    """A note within a note, a word, or several with commas and `and` between them."""
    parts = re.split(r", | and ", told)
    if all(part in _WORDS for part in parts):
        *first, last = (_WORDS[part] for part in parts)
        return "和".join([*(["、".join(first)] if first else []), last])
    return in_chinese(told)


@cache
def _pattern(en: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(en)), re.DOTALL)
