import QtQuick
import Slipway

// Where the tiles are too many to say it themselves: what the chosen place says.
Rectangle {
    id: strip

    required property SlotViewModel place
    readonly property int look: place ? place.look : SlotViewModel.Ready

    implicitHeight: words.implicitHeight + Theme.space
    color: Theme.surface
    radius: Theme.smallRadius
    border.width: Theme.hair
    border.color: Theme.edge

    Row {
        id: words

        x: Theme.space
        anchors.verticalCenter: parent.verticalCenter
        spacing: Theme.space

        Text {
            id: title

            objectName: "lineTitle"
            text: strip.place ? qsTr("%1  %2").arg(strip.place.number).arg(strip.place.word) : ""
            color: Theme.markOf(strip.look)
            font: Theme.sans(Theme.lead, Font.Bold)
        }

        Text {
            id: sentence

            objectName: "lineSentence"
            anchors.baseline: title.baseline
            width: Math.min(implicitWidth, strip.width - title.width - Theme.space * 3)
            text: strip.place ? strip.place.sentence : ""
            color: Theme.ink
            font: Theme.sans(Theme.body, Font.Medium)
            elide: Text.ElideRight
        }

        Text {
            objectName: "lineQuiet"
            anchors.baseline: title.baseline
            width: Math.max(0, Math.min(implicitWidth, strip.width - title.width - sentence.width - Theme.space * 4))
            text: strip.place ? strip.place.quiet !== "" ? strip.place.quiet : strip.place.progressLine : ""
            color: Theme.inkQuiet
            font: Theme.sans(Theme.body, Font.Normal)
            elide: Text.ElideRight
        }
    }
}
