import QtQuick
import Slipway

// Runs that were cut off when the station stopped: what is known of each, and a way to ask the device.
PagePanel {
    id: page

    required property ShellViewModel shell

    headline: shell.interrupted.length === 1 ? qsTr("One run was cut off.") : qsTr("%1 runs were cut off.").arg(shell.interrupted.length)
    advice: shell.headline !== "" ? shell.headline + " " + shell.advice
          : qsTr("The station stopped before they ended. Nothing is lost from the record. Put a unit back into its place before you ask it.")

    Component.onCompleted: go.forceActiveFocus()
    Keys.onReturnPressed: shell.leaveInterrupted()
    Keys.onEnterPressed: shell.leaveInterrupted()

    Repeater {
        model: page.shell.interrupted

        Rectangle {
            id: run

            required property int index
            required property var modelData

            objectName: "interrupted-" + (index + 1)
            width: page.column
            height: Math.max(words.height, buttons.height) + Theme.space * 2
            radius: Theme.radius
            color: Theme.surface
            border.width: modelData.open ? Theme.rule : Theme.hair
            border.color: modelData.open ? Theme.ink : Theme.edge

            Hatching {
                anchors.fill: parent
                anchors.margins: Theme.rule
                visible: run.modelData.open
                color: Theme.hatch
                stripe: Theme.hatchStripe
                radius: Theme.radius - Theme.rule
            }

            Glyph {
                id: mark

                x: Theme.wideSpace
                anchors.verticalCenter: parent.verticalCenter
                width: Theme.hero
                height: width
                kind: run.modelData.open ? "unknown" : run.modelData.state === "done" ? "pass" : "stopped"
                color: run.modelData.open ? Theme.ink : run.modelData.state === "done" ? Theme.pass : Theme.cautionInk
                plate: Theme.cautionFill
                plateEdge: Theme.caution
            }

            Column {
                id: words

                x: mark.x + mark.width + Theme.wideSpace
                anchors.verticalCenter: parent.verticalCenter
                width: buttons.x - x - Theme.wideSpace
                spacing: Theme.tiny

                Text {
                    width: parent.width
                    text: run.modelData.device
                    color: Theme.ink
                    font: Theme.mono(Theme.lead)
                    elide: Text.ElideRight
                }

                Text {
                    objectName: "known"
                    width: parent.width
                    text: run.modelData.sentence
                    color: Theme.ink
                    font: Theme.sans(Theme.body, Font.DemiBold)
                    wrapMode: Text.Wrap
                }

                Text {
                    width: parent.width
                    visible: text !== ""
                    text: run.modelData.safeNext
                    color: Theme.ink
                    font: Theme.sans(Theme.body, Font.Normal)
                    wrapMode: Text.Wrap
                }

                Text {
                    width: parent.width
                    text: qsTr("Place %1, begun %2, last step %3").arg(run.modelData.place).arg(run.modelData.begun)
                          .arg(run.modelData.step !== "" ? run.modelData.step : "–")
                    color: run.modelData.open ? Theme.ink : Theme.inkQuiet
                    font: Theme.sans(Theme.small, Font.Normal)
                    wrapMode: Text.Wrap
                }
            }

            Column {
                id: buttons

                anchors.right: parent.right
                anchors.rightMargin: Theme.wideSpace
                anchors.verticalCenter: parent.verticalCenter
                spacing: Theme.gap

                ActionButton {
                    id: ask

                    objectName: "ask-" + (run.index + 1)
                    anchors.right: parent.right
                    visible: run.modelData.open
                    enabled: !page.shell.busy
                    text: qsTr("Ask the device")
                    primary: true
                    onClicked: page.shell.askDevice(run.index)
                }

                ActionButton {
                    objectName: "aside-" + (run.index + 1)
                    anchors.right: parent.right
                    width: Math.max(implicitWidth, ask.implicitWidth)
                    enabled: !page.shell.busy
                    text: qsTr("Set aside")
                    paper: Theme.surface
                    onClicked: page.shell.setAside(run.index)
                }
            }
        }
    }

    ActionButton {
        id: go

        objectName: "leaveInterrupted"
        text: qsTr("To the line")
        keyName: qsTr("Enter")
        primary: true
        paper: Theme.ground
        enabled: !page.shell.busy
        onClicked: page.shell.leaveInterrupted()
    }
}
