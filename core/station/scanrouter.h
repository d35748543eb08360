#pragma once
// What a scan means. Every scan of a station goes through here, whatever has the focus: it picks a place, answers what
// a place asked for, or brings a unit. A scan never dismisses a verdict, unless a new unit is scanned for that place.
//
//   PLACE-3              picks place 3 for the next unit or answer
//   an awaited text      answers the scan-back of the place that awaits it
//   a text of the form that the picked (or only) asking place wants   answers that place's question
//   yes, no              answers the picked place, where it asks yes or no; yes also confirms
//   the recipe's serial number form   brings a unit to the picked place, else to the first that is ready
//
// Not thread-safe by itself: the station holds its lock.

#include "core/recipe/recipe.h"
#include "core/station/station.h"

#include <QString>

#include <functional>
#include <optional>

namespace slipway {

class ScanRouter
{
public:
    struct Place {
        int number = 0;
        SlotState state = SlotState::Ready;
        QString serial;
        std::optional<PromptRequest> prompt;
    };
    struct Situation {
        QList<Place> places;
        // The recipe's variable that a scanned unit fills; null: no recipe, or serial numbers are not scanned.
        const RecipeVariable *unit = nullptr;
        bool recipeLoaded = false;
        // The sentence why this unit may not be started ("Unit ... has passed already."), or nothing.
        std::function<std::optional<QString>(const QString &serial)> refusal;
    };
    enum class Act { Nothing, Pick, Answer, StartUnit };
    struct Decision {
        Act act = Act::Nothing;
        int place = 0;
        QString value; // the serial number, or the answer
        QString meaning;
        bool accepted = false;
        bool yes = true; // an answer
    };

    // text as the scanner gave it; control characters and blanks around it are taken off.
    Decision route(const QString &text, const Situation &situation);
    int picked() const { return m_picked; }
    void forget() { m_picked = 0; }

    // "PLACE-3" -> 3, 0 for anything else.
    static int placeOf(const QString &text);
    // "yes", "y", "ok" and "no", "n" in any case; nothing for anything else.
    static std::optional<bool> yesOrNo(const QString &text);

private:
    Decision unit(const QString &serial, const Situation &situation);

    int m_picked = 0;
};

} // namespace slipway
