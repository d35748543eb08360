import QtQuick
import Slipway

// The same on the line: under the places and over none of them, so that the units go on being seen and worked on.
Rectangle {
    id: strip

    required property SecretDesk desk

    signal done // given or refused: the focus may go back

    visible: desk.wanted
    implicitHeight: visible ? body.height + Theme.space * 2 : 0
    color: Theme.surface
    Accessible.role: Accessible.Pane
    Accessible.name: title.text

    function takeFocus(): void {
        entry.takeFocus();
    }

    Rectangle {
        width: Theme.gap
        height: parent.height
        color: Theme.act
    }

    Glyph {
        id: mark

        x: Theme.wideSpace
        y: body.y
        width: Theme.title * 1.6
        height: width
        kind: "act"
        color: Theme.act
    }

    Flow {
        id: body

        readonly property bool oneRow: width > Theme.entryWidth * 3.4

        x: mark.x + mark.width + Theme.space
        y: Theme.space
        width: parent.width - x - Theme.wideSpace
        spacing: Theme.space

        Column {
            width: body.oneRow ? body.width - entry.width - Theme.space : body.width

            Text {
                id: title

                objectName: "secretWhat"
                width: parent.width
                text: qsTr("Type %1.").arg(strip.desk.what)
                color: Theme.ink
                font: Theme.sans(Theme.lead, Font.DemiBold)
                wrapMode: Text.Wrap
            }

            Text {
                width: parent.width
                text: qsTr("Units that need no certificate go on without it.")
                color: Theme.inkQuiet
                font: Theme.sans(Theme.body, Font.Normal)
                wrapMode: Text.Wrap
            }
        }

        SecretEntry {
            id: entry

            width: body.oneRow ? Math.min(body.width * 0.62, Theme.entryWidth * 2.3) : body.width
            label: strip.desk.what
            complaint: strip.desk.complaint
            paper: Theme.surface
            onGiven: typed => {
                strip.desk.give(typed);
                strip.done();
            }
            onRefused: {
                strip.desk.refuse();
                strip.done();
            }
        }
    }

    Connections {
        target: strip.desk

        function onFocusWanted(): void {
            if (strip.visible)
                strip.takeFocus();
        }
    }

    Rectangle {
        width: parent.width
        height: Theme.hair
        color: Theme.edge
    }
}
