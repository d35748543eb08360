pragma Singleton
import QtQuick
import Slipway

// Every colour and size of the screens. Ink on paper; colour only for state. Pixels are those of a screen at 100 %;
// text follows textScale (1 to 2), and so does whatever holds text.
QtObject {
    id: theme

    property bool dark: false
    property real textScale: 1

    // Colours: ground and paper
    readonly property color ground: dark ? "#101316" : "#F4F5F6"
    readonly property color surface: dark ? "#1A1E22" : "#FFFFFF"
    readonly property color edge: dark ? "#343B41" : "#D3D8DC"
    readonly property color ink: dark ? "#F1F3F4" : "#14181B"
    readonly property color inkQuiet: dark ? "#A9B2B8" : "#4B545B"
    readonly property color hatch: dark ? "#262B30" : "#E9ECEE"
    readonly property color track: dark ? "#343B41" : "#DDE1E4"

    // State: a fill, and what stands on it
    readonly property color pass: dark ? "#37C07A" : "#0A6637"
    readonly property color passInk: dark ? "#06130C" : "#FFFFFF"
    readonly property color fail: dark ? "#FF6B6B" : "#B0151B"
    readonly property color failInk: dark ? "#140303" : "#FFFFFF"
    readonly property color act: dark ? "#6CB2FF" : "#0A56B0"
    readonly property color actInk: dark ? "#04101C" : "#FFFFFF"
    readonly property color caution: dark ? "#FFC64D" : "#8A5600"
    readonly property color cautionFill: dark ? "#FFC64D" : "#FFB81C"
    readonly property color cautionInk: "#14181B"
    readonly property color failTint: dark ? "#33191B" : "#FDF1F1"
    readonly property color passBand: dark ? "#1F5C3D" : "#A9CDB9"
    readonly property color passBandSure: dark ? "#2B7B52" : "#7DB595"
    readonly property color clear: "transparent"
    readonly property real watermark: 0.05

    // Type
    readonly property string sansFamily: pick(["Inter", "Noto Sans", "DejaVu Sans"])
    readonly property string monoFamily: pick(["JetBrains Mono NL", "JetBrains Mono", "Noto Sans Mono", "DejaVu Sans Mono"])
    readonly property real caption: 15 * textScale
    readonly property real small: 17 * textScale
    readonly property real body: 19 * textScale
    readonly property real lead: 22 * textScale
    readonly property real figure: 25 * Math.min(textScale, 1.6)
    readonly property real title: 34 * Math.min(textScale, 1.5)
    readonly property real hero: 56 * Math.min(textScale, 1.4)
    readonly property real lineHeight: 1.2
    readonly property real tightening: -0.015 // letter spacing of large type, of its size

    // Space
    readonly property real hair: 1
    readonly property real rule: 2
    readonly property real ring: 3
    readonly property real tiny: 4
    readonly property real gap: 8
    readonly property real space: 16
    readonly property real wideSpace: 28
    readonly property real radius: 8
    readonly property real smallRadius: 5
    readonly property real target: 60 // 15 mm at the density of a station's screen
    readonly property real stripHeight: 72
    readonly property real lampSize: 13 * textScale
    readonly property real recentSize: 14
    readonly property int recentLeast: 8 // fewer are not worth the room
    readonly property real trainingFrame: 12
    readonly property real trainingStripe: 9
    readonly property real hatchStripe: 15
    readonly property real dash: 9
    readonly property real column: 1100 * Math.min(textScale, 1.4) // of pages that are read
    readonly property real factsWidth: 440
    readonly property real sheetWidth: 620
    readonly property real scaleWidth: 280
    readonly property real scaleHeight: 12
    readonly property real scaleMark: 22
    readonly property real rowHeight: 46 * textScale
    readonly property real logLeast: target * 1.5 + 5 * caption
    readonly property real bodyLeast: rowHeight * 5 + logLeast // of a run's page under its banner; less room scrolls
    readonly property real nameRoom: 1.75 // of type under a bar, its size
    readonly property real entryWidth: 420 * Math.min(textScale, 1.4)
    readonly property real narrow: 1050 // a window narrower than this, in text units, stacks its columns

    // The tile: shares of its height, width or shorter side, and the limits of what they give
    readonly property real tileGap: 16
    readonly property real tileGapDense: 10
    readonly property int denseFrom: 13 // this many places and more
    readonly property real tilePad: 0.065
    readonly property real tilePadLeast: 13
    readonly property real tilePadMost: 56
    readonly property real tileEdge: 0.03
    readonly property real tileEdgeLeast: 7
    readonly property real tileEdgeMost: 20
    readonly property real numberShare: 0.125
    readonly property real numberLeast: 26
    readonly property real numberMost: 120
    readonly property real wordShare: 0.115
    readonly property real wordShareWide: 0.165
    readonly property real wordLeast: 25
    readonly property real wordMost: 130
    readonly property real sentenceShare: 0.052
    readonly property real sentenceShareWide: 0.062
    readonly property real sentenceLeast: 17
    readonly property real sentenceMost: 44
    readonly property real glyphShare: 0.3
    readonly property real glyphShareWide: 0.42
    readonly property real glyphShareDense: 0.38
    readonly property real glyphLeastShare: 0.17 // never below a sixth of the tile
    readonly property real barShare: 0.03
    readonly property real barLeast: 8
    readonly property real barMost: 18
    readonly property real wideFrom: 1.35 // width to height
    readonly property real failInset: 6

    function pick(families: list<string>): string {
        const known = Qt.fontFamilies();
        for (let i = 0; i < families.length; ++i) {
            if (known.indexOf(families[i]) >= 0)
                return families[i];
        }
        return Qt.application.font.family;
    }

    function sans(size: real, weight: int): font {
        return Qt.font({ family: sansFamily, pixelSize: Math.max(1, Math.round(size)), weight: weight,
                         letterSpacing: size > 28 ? size * tightening : 0 });
    }

    function mono(size: real): font {
        return Qt.font({ family: monoFamily, pixelSize: Math.max(1, Math.round(size)) });
    }

    function within(least: real, value: real, most: real): real {
        return Math.max(least, Math.min(value, most));
    }

    function filled(look: int): bool {
        return look === SlotViewModel.Pass || look === SlotViewModel.Fail || look === SlotViewModel.Act;
    }

    function fillOf(look: int): color {
        switch (look) {
        case SlotViewModel.Pass: return pass;
        case SlotViewModel.Fail: return fail;
        case SlotViewModel.Act: return act;
        case SlotViewModel.Ready: return ground;
        default: return surface;
        }
    }

    function inkOn(look: int): color {
        switch (look) {
        case SlotViewModel.Pass: return passInk;
        case SlotViewModel.Fail: return failInk;
        case SlotViewModel.Act: return actInk;
        default: return ink;
        }
    }

    function quietOn(look: int): color {
        return filled(look) || look === SlotViewModel.Unknown ? inkOn(look) : inkQuiet;
    }

    function glyphOn(look: int): color {
        switch (look) {
        case SlotViewModel.Stopped:
        case SlotViewModel.Error: return cautionInk;
        case SlotViewModel.Ready:
        case SlotViewModel.Waiting: return inkQuiet;
        default: return inkOn(look);
        }
    }

    // A small glyph on paper, in a list.
    function markOf(look: int): color {
        switch (look) {
        case SlotViewModel.Pass: return pass;
        case SlotViewModel.Fail: return fail;
        case SlotViewModel.Act: return act;
        case SlotViewModel.Stopped:
        case SlotViewModel.Error: return caution;
        default: return ink;
        }
    }
    function markOfGlyph(glyph: string): color {
        switch (glyph) {
        case "pass":
        case "good": return pass;
        case "fail":
        case "bad": return fail;
        case "act": return act;
        case "stopped":
        case "error":
        case "caution": return caution;
        case "not-reached":
        case "off": return inkQuiet;
        default: return ink;
        }
    }
}
