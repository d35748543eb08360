#include "core/steps/manual.h"

#include "core/base/text.h"
#include "core/steps/commonparameters.h"

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

QString typeWords(const StepParameter &parameter)
{
    using Type = StepParameter::Type;
    QString limits;
    if (parameter.minimum && parameter.maximum)
        limits = u", %1 to %2"_s.arg(*parameter.minimum).arg(*parameter.maximum);
    else if (parameter.minimum)
        limits = u", at least %1"_s.arg(*parameter.minimum);
    else if (parameter.maximum)
        limits = u", at most %1"_s.arg(*parameter.maximum);
    switch (parameter.type) {
    case Type::Text:
        return u"text"_s;
    case Type::Number:
        return u"number"_s + limits;
    case Type::Integer:
        return u"whole number"_s + limits;
    case Type::Boolean:
        return u"true or false"_s;
    case Type::Choice:
        return u"`%1`"_s.arg(parameter.choices.join(u"`, `"_s));
    case Type::Duration:
        return u"time"_s;
    case Type::File:
        return u"file"_s;
    case Type::Url:
        return u"URL"_s;
    case Type::Pattern:
        return u"pattern"_s;
    case Type::Range:
        return u"`[low, high]`"_s;
    case Type::Map:
        return parameter.keys.isEmpty() ? u"map of texts"_s : u"map"_s;
    case Type::List:
        return u"list of texts"_s;
    case Type::Files:
        return u"map of files"_s;
    case Type::Address:
        return u"address"_s;
    case Type::Digest:
        return u"SHA-256"_s;
    case Type::Images:
        return u"map of addresses to files"_s;
    }
    return {};
}

QString durationWords(qint64 ms)
{
    if (ms % 60'000 == 0)
        return u"%1min"_s.arg(ms / 60'000);
    return ms % 1000 == 0 ? u"%1s"_s.arg(ms / 1000) : u"%1ms"_s.arg(ms);
}

QString fallbackWords(const StepParameter &parameter)
{
    if (parameter.required)
        return u"must be given"_s;
    if (!parameter.fallback.isValid())
        return u"none"_s;
    if (parameter.type == StepParameter::Type::Duration)
        return u"`%1`"_s.arg(durationWords(parameter.fallback.toLongLong()));
    return u"`%1`"_s.arg(parameter.fallback.toString());
}

QString row(const StepParameter &parameter, const QString &prefix)
{
    QString text = u"| `%1%2` | %3 | %4 | %5 |\n"_s.arg(prefix, parameter.name, typeWords(parameter),
                                                        fallbackWords(parameter), parameter.doc);
    for (const StepParameter &key : parameter.keys)
        text += row(key, parameter.name + u'.');
    return text;
}

QString form()
{
    return QStringLiteral(R"(# Recipes

A recipe says what happens to a unit: the device, the variables, and the steps in their order. It is a YAML file; this
page describes form 1. `slipway recipe check FILE` finds everything that is wrong with one, before a device is touched;
`slipway recipe schema` prints a JSON Schema with which editors check and complete while you write.

```yaml
slipway: 1                          # this is a recipe, of form 1
name: Thermostat T1, final assembly
version: "3"                        # yours to count; on every record
device:
  driver: smp                       # the protocol
  board: t1-rev-b                   # its data: baud rate, where identity and locks are
  class: [M, C3, F1, T1]            # RFC 7228bis: what the product is able to do
variables:
  serial: { from: scan, pattern: "T1-[0-9]{8}" }
steps:
  - identify: { expect: { board: t1-rev-b } }
  - measure:  { name: supply, command: "adc vdd", pattern: "([0-9.]+) V", unit: V, limits: [3.2, 3.4] }
on-fail:
  - prompt: { text: "Put the unit into the red bin" }
always:
  - reset
```

## The file

| key | meaning |
|---|---|
| `slipway` | the form: `1` |
| `name` | what is made, on the screen and on every record |
| `version` | of this recipe; default `1` |
| `device.driver` | driver that reaches the device |
| `device.board` | board, by the name in the driver's data; without it the driver recognises it |
| `device.baud` | rate of the serial line, instead of the board's |
| `device.class` | tokens of RFC 7228bis; steps that the class rules out are refused |
| `variables` | see below |
| `steps` | the steps, in order; the first that fails ends them |
| `on-fail` | steps after a failure |
| `always` | steps at the end of every run, whatever its verdict |

YAML as far as people need it: UTF-8, spaces for indentation, no anchors, aliases or tags, every key once, at most 1 MiB.
Texts with `: `, `#` or a `{` at their start stand in quotes; in double quotes a backslash is doubled. File names are
relative to the recipe's folder.

**Types.** A *time* is a number with `ms`, `s`, `min` or `h`, or seconds. A *pattern* is a regular expression (Perl's
syntax) without variables. A *range* is `[low, high]` with the limits themselves inside; `~` leaves one end open.

## Variables

`${name}` in a text stands for a variable's value, `${fact:NAME}` for what the device said of itself. `${serial}`, the
unit's serial number, is always there. A value is put in once: what it contains is not read again.

| variable | where its value comes from |
|---|---|
| `serial: { from: scan, pattern: "T1-[0-9]{8}" }` | a scan; the whole scan must match |
| `serial: { from: allocator, pool: serial, format: "T1-%08d", first: 1 }` | the station counts; no number is ever given twice in a pool |
| `mac: { from: allocator, pool: mac, format: "02-00-5E-%02x-%02x-%02x" }` | the same in hexadecimal, the digits dealt out over the places |
| `serial: { from: lot, lot: lot7 }` | the next unit of a lot that was issued ahead (`idevid` with `lot`); none is given twice |
| `hwid: { from: device, fact: hardware-id }` | a fact, once `identify` has read it |
| `site: { from: fixed, value: "Hall 3" }`, or `site: "Hall 3"` | the recipe |

## Order

What cannot be undone comes last. A step that writes to the device after an irreversible step is an error; one that reads,
asks or prints there is a warning, since it could still fail a unit that is locked already. In `always` an irreversible
step is an error.

## Verdicts

A step that ends without trouble is PASS. What is wrong with the unit makes FAIL, what is wrong with the station ERROR; a
stop, or a question that nobody answered, makes STOPPED; an irreversible act of which nobody knows whether it happened
makes UNKNOWN. `retries` of a step are used where trying again can help, and within each try `timeout` holds.

## Signing

`slipway recipe sign FILE --home H` releases a recipe: it writes `FILE.p7s`, the station's signature over the SHA-256 of the
recipe and of every file that its steps name. The station's screen and every run's record say whether the recipe was
signed; one changed byte in any of these files, and it counts as not signed. A file that changes while a signed recipe is
loaded stops the run. Anybody can check a release, in the recipe's folder:

```
openssl cms -verify -binary -inform DER -in t1.yaml.p7s -CAfile ../keys/station-ca.pem -purpose any | sha256sum -c
```

## Steps

)");
}

} // namespace

QString stepManual(const StepKind &kind)
{
    QString text =
        u"### %1\n\n%2\n\n%3\n\n```yaml\n%4\n```\n\n"_s.arg(kind.name, kind.summary, kind.manual, kind.example);
    text += u"| parameter | type | default | meaning |\n|---|---|---|---|\n"_s;
    for (const StepParameter &parameter : allParameters(kind))
        text += row(parameter, {});
    const QStringList needs = kind.lacking({}, {});
    if (!needs.isEmpty()) {
        QStringList instead;
        if (kind.needsInstead) {
            for (const Capability need : kind.needsInstead({}))
                instead << toString(need);
        }
        text += u"\nNeeds a device with: %1%2.\n"_s.arg(
            needs.join(u", "_s), instead.isEmpty() ? QString() : u"; or with: "_s + instead.join(u", "_s));
    }
    return text;
}

QString recipeManual()
{
    QString text = form();
    text += u"| step | what it does |\n|---|---|\n"_s;
    for (const StepKind &kind : stepKinds())
        text += u"| [`%1`](#%1) | %2 |\n"_s.arg(kind.name, kind.summary);
    for (const StepKind &kind : stepKinds())
        text += u'\n' + stepManual(kind);
    return text;
}

} // namespace slipway
