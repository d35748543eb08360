import QtQuick
import QtQuick.Templates as T
import Slipway

// Always there: station, recipe with version and signature, PRODUCTION or TRAINING, person, clock. On a run's page the
// way back and the place stand where the station's name is.
Rectangle {
    id: strip

    required property LineViewModel line
    readonly property bool onRunPage: line.page === LineViewModel.RunPage
    readonly property real rowHeight: Math.max(Theme.stripHeight, back.implicitHeight)
    readonly property bool twoRows: width < leftPart.implicitWidth + recipePart.wanted + rightPart.implicitWidth + Theme.wideSpace * 4

    implicitHeight: twoRows ? rowHeight + recipePart.height : rowHeight
    color: Theme.surface

    Row {
        id: leftPart

        x: Theme.wideSpace
        height: strip.rowHeight
        spacing: Theme.gap + Theme.tiny

        Text {
            anchors.verticalCenter: parent.verticalCenter
            visible: !strip.onRunPage
            text: qsTr("Slipway")
            color: Theme.ink
            font: Theme.sans(Theme.lead, Font.Bold)
        }

        Text {
            objectName: "stationName"
            anchors.verticalCenter: parent.verticalCenter
            visible: !strip.onRunPage
            text: strip.line.stationName
            color: Theme.inkQuiet
            font: Theme.sans(Theme.body, Font.Normal)
        }

        ActionButton {
            id: back

            objectName: "back"
            quiet: true
            anchors.verticalCenter: parent.verticalCenter
            visible: strip.onRunPage
            text: qsTr("Line")
            keyName: qsTr("Esc")
            ink: Theme.ink
            paper: Theme.surface
            onClicked: strip.line.back()
        }

        Text {
            objectName: "runTitle"
            anchors.verticalCenter: parent.verticalCenter
            visible: strip.onRunPage
            text: strip.line.run.title
            color: Theme.ink
            font: Theme.sans(Theme.lead, Font.Bold)
        }

        Text {
            objectName: "runSerial"
            anchors.verticalCenter: parent.verticalCenter
            visible: strip.onRunPage && strip.line.run.place !== null
            text: strip.line.run.place ? strip.line.run.place.serial : ""
            color: Theme.ink
            font: Theme.mono(Theme.body)
        }
    }

    Item {
        id: recipePart

        readonly property real wanted: recipeName.implicitWidth + recipeNote.implicitWidth + Theme.gap * 2

        x: strip.twoRows ? Theme.wideSpace : leftPart.x + leftPart.width + Theme.wideSpace
        y: strip.twoRows ? strip.rowHeight - Theme.gap : 0
        width: Math.min(wanted, strip.twoRows ? strip.width - Theme.wideSpace * 2 : rightPart.x - x - Theme.wideSpace)
        height: strip.twoRows ? recipeName.implicitHeight + Theme.gap : strip.rowHeight

        Text {
            id: recipeName

            objectName: "recipeName"
            anchors.verticalCenter: parent.verticalCenter
            width: Math.min(implicitWidth, parent.width - recipeNote.implicitWidth - Theme.gap)
            text: strip.line.recipeName
            color: Theme.ink
            font: Theme.sans(Theme.body, Font.DemiBold)
            elide: Text.ElideRight
        }

        Text {
            id: recipeNote

            objectName: "recipeNote"
            anchors.left: recipeName.right
            anchors.leftMargin: Theme.gap + Theme.tiny
            anchors.baseline: recipeName.baseline
            text: strip.line.recipeNote
            color: Theme.inkQuiet
            font: Theme.sans(Theme.small, Font.Normal)
        }
    }

    Row {
        id: rightPart

        anchors.right: parent.right
        anchors.rightMargin: Theme.wideSpace
        height: strip.rowHeight
        spacing: Theme.wideSpace

        Rectangle {
            objectName: "mode"
            anchors.verticalCenter: parent.verticalCenter
            width: modeWord.implicitWidth + Theme.space * 2
            height: modeWord.implicitHeight + Theme.gap * 2
            radius: Theme.smallRadius
            color: strip.line.training ? Theme.cautionFill : Theme.clear
            border.width: Theme.rule
            border.color: strip.line.training ? Theme.caution : Theme.ink
            Accessible.role: Accessible.StaticText
            Accessible.name: modeWord.text

            Text {
                id: modeWord

                objectName: "modeWord"
                anchors.centerIn: parent
                text: strip.line.modeWord
                color: strip.line.training ? Theme.cautionInk : Theme.ink
                font.family: Theme.sansFamily
                font.pixelSize: Theme.small
                font.weight: Font.Bold
                font.letterSpacing: Theme.small * 0.08
            }
        }

        Text {
            objectName: "person"
            anchors.verticalCenter: parent.verticalCenter
            visible: text !== ""
            text: strip.line.person
            color: Theme.inkQuiet
            font: Theme.sans(Theme.body, Font.Normal)
        }

        FigureText {
            objectName: "clock"
            anchors.verticalCenter: parent.verticalCenter
            text: strip.line.clock
            color: Theme.ink
            font: Theme.sans(Theme.body, Font.Bold)
            Accessible.role: Accessible.StaticText
            Accessible.name: text
        }

        T.Button {
            id: help

            objectName: "help"
            anchors.verticalCenter: parent.verticalCenter
            implicitWidth: Theme.target
            implicitHeight: Theme.target
            activeFocusOnTab: true
            focusPolicy: Qt.TabFocus
            Accessible.role: Accessible.Button
            Accessible.name: qsTr("Help, all keys")
            Accessible.onPressAction: help.clicked()
            onClicked: strip.line.setHelpOpen(!strip.line.helpOpen)

            background: Item {
                FocusRing {
                    shown: help.activeFocus
                }
            }
            contentItem: Item {
                KeyCap {
                    anchors.right: parent.right
                    anchors.verticalCenter: parent.verticalCenter
                    text: qsTr("F1")
                    ink: Theme.inkQuiet
                }
            }
        }
    }

    Rectangle {
        anchors.bottom: parent.bottom
        width: parent.width
        height: Theme.hair
        color: Theme.edge
    }
}
