#include "core/station/scanrouter.h"

#include "core/base/text.h"
#include "core/recipe/variables.h"

#include <QRegularExpression>

namespace slipway {

namespace {

using Place = ScanRouter::Place;
using Decision = ScanRouter::Decision;
using Act = ScanRouter::Act;

constexpr qsizetype longestScan = 512;

const Place *placeNumber(const ScanRouter::Situation &situation, int number)
{
    for (const Place &place : situation.places) {
        if (place.number == number)
            return &place;
    }
    return nullptr;
}

bool asksForText(const Place &place)
{
    return place.prompt &&
           (place.prompt->kind == PromptRequest::Kind::ScanBack || place.prompt->kind == PromptRequest::Kind::Value);
}

bool asksForWord(const Place &place)
{
    return place.prompt &&
           (place.prompt->kind == PromptRequest::Kind::YesNo || place.prompt->kind == PromptRequest::Kind::Message);
}

bool hasForm(const PromptRequest &prompt, const QString &text)
{
    if (prompt.pattern.isEmpty())
        return true;
    const QRegularExpression form(QRegularExpression::anchoredPattern(prompt.pattern));
    return form.isValid() && form.match(text).hasMatch();
}

Decision refuse(const QString &meaning, int place = 0)
{
    return {Act::Nothing, place, {}, meaning, false};
}

} // namespace

int ScanRouter::placeOf(const QString &text)
{
    static const QRegularExpression form(QStringLiteral("^PLACE-([0-9]{1,3})$"),
                                         QRegularExpression::CaseInsensitiveOption);
    const auto match = form.match(text);
    return match.hasMatch() ? match.captured(1).toInt() : 0;
}

std::optional<bool> ScanRouter::yesOrNo(const QString &text)
{
    static const QStringList yes{QStringLiteral("yes"), QStringLiteral("y"), QStringLiteral("ok")};
    static const QStringList no{QStringLiteral("no"), QStringLiteral("n")};
    if (yes.contains(text, Qt::CaseInsensitive))
        return true;
    if (no.contains(text, Qt::CaseInsensitive))
        return false;
    return {};
}

Decision ScanRouter::route(const QString &raw, const Situation &situation)
{
    const QString text = raw.trimmed();
    if (text.isEmpty())
        return refuse(QStringLiteral("nothing was read"));
    if (text.size() > longestScan || oneLine(text, longestScan) != text)
        return refuse(QStringLiteral("this is no code for this station"));

    if (const int number = placeOf(text)) {
        const Place *place = placeNumber(situation, number);
        if (!place)
            return refuse(QStringLiteral("there is no place %1").arg(number));
        m_picked = number;
        const QString next = asksForText(*place)                   ? QStringLiteral("scan its label")
                             : asksForWord(*place)                 ? QStringLiteral("answer yes or no")
                             : place->state == SlotState::Ready    ? QStringLiteral("scan its unit")
                             : place->state == SlotState::Finished ? QStringLiteral("scan its next unit")
                                                                   : QStringLiteral("it is at work");
        return {Act::Pick, number, {}, QStringLiteral("place %1 picked, %2").arg(number).arg(next), true};
    }

    const Place *picked = placeNumber(situation, m_picked);
    const Place *awaiting = nullptr;
    for (const Place &place : situation.places) {
        if (place.prompt && place.prompt->kind == PromptRequest::Kind::ScanBack && place.prompt->expected == text &&
            (!awaiting || &place == picked))
            awaiting = &place;
    }
    if (awaiting) {
        m_picked = 0;
        return {Act::Answer, awaiting->number, text, QStringLiteral("label of place %1 matches").arg(awaiting->number),
                true};
    }

    if (picked && asksForText(*picked)) {
        const int number = picked->number;
        if (!hasForm(*picked->prompt, text))
            return refuse(QStringLiteral("place %1 waits for something else").arg(number), number);
        m_picked = 0;
        const bool label = picked->prompt->kind == PromptRequest::Kind::ScanBack;
        return {Act::Answer, number, text,
                label ? QStringLiteral("label of place %1 does not match").arg(number)
                      : QStringLiteral("answer for place %1").arg(number),
                true};
    }

    const std::optional<bool> word = yesOrNo(text);
    if (picked && asksForWord(*picked) && word) {
        const int number = picked->number;
        if (picked->prompt->kind == PromptRequest::Kind::Message && !*word)
            return refuse(QStringLiteral("place %1 waits for ok").arg(number), number);
        m_picked = 0;
        return {Act::Answer, number, {}, QStringLiteral("answer for place %1").arg(number), true, *word};
    }

    const bool isUnit = situation.unit && accepts(*situation.unit, text);
    // A question of a definite form may be answered without picking, when just one place asks it and no unit is meant.
    const Place *asking = nullptr;
    int asked = 0;
    for (const Place &place : situation.places) {
        if (place.prompt && place.prompt->kind == PromptRequest::Kind::Value && !place.prompt->pattern.isEmpty() &&
            hasForm(*place.prompt, text)) {
            asking = &place;
            ++asked;
        }
    }
    if (asked == 1 && !isUnit)
        return {Act::Answer, asking->number, text, QStringLiteral("answer for place %1").arg(asking->number), true};
    if (asked > 1 && !isUnit)
        return refuse(QStringLiteral("%1 places ask for this: scan the place first").arg(asked));

    if (isUnit)
        return unit(text, situation);
    if (picked && asksForWord(*picked))
        return refuse(QStringLiteral("place %1 waits for yes or no").arg(picked->number), picked->number);
    if (word) {
        const auto places = std::count_if(situation.places.begin(), situation.places.end(), asksForWord);
        if (places > 0)
            return refuse(places == 1 ? QStringLiteral("a place asks: scan the place first")
                                      : QStringLiteral("%1 places ask: scan the place first").arg(places));
    }
    for (const Place &place : situation.places) {
        if (place.prompt && place.prompt->kind == PromptRequest::Kind::ScanBack)
            return refuse(QStringLiteral("this is not the label that place %1 waits for").arg(place.number),
                          place.number);
    }
    if (!situation.recipeLoaded)
        return refuse(QStringLiteral("no recipe is loaded"));
    return refuse(situation.unit ? QStringLiteral("this is no serial number of this product")
                                 : QStringLiteral("nobody waits for this"));
}

Decision ScanRouter::unit(const QString &serial, const Situation &situation)
{
    if (situation.refusal) {
        if (const auto why = situation.refusal(serial))
            return refuse(*why);
    }
    const Place *target = placeNumber(situation, m_picked);
    if (target) {
        if (target->state != SlotState::Ready && target->state != SlotState::Finished)
            return refuse(QStringLiteral("place %1 is still at work").arg(target->number), target->number);
    } else {
        for (const Place &place : situation.places) {
            if (place.state == SlotState::Ready) {
                target = &place;
                break;
            }
        }
        // With one place there is no doubt where the unit goes.
        if (!target && situation.places.size() == 1 && situation.places.first().state == SlotState::Finished)
            target = &situation.places.first();
    }
    if (!target) {
        const bool finished = std::any_of(situation.places.begin(), situation.places.end(),
                                          [](const Place &p) { return p.state == SlotState::Finished; });
        return refuse(finished ? QStringLiteral("no place is free: remove a finished unit, or scan its place first")
                               : QStringLiteral("no place is free"));
    }
    m_picked = 0;
    return {Act::StartUnit, target->number, serial, QStringLiteral("unit for place %1").arg(target->number), true};
}

} // namespace slipway
