import QtQuick
import Slipway

// What is known of the unit: device, identity, life, record.
Flickable {
    id: panel

    required property var sections
    readonly property real labelWidth: Theme.factsWidth * 0.28 * Math.min(Theme.textScale, 1.6)
    readonly property bool stacked: width < labelWidth * 2.6

    contentHeight: list.height + Theme.space
    clip: true
    boundsBehavior: Flickable.StopAtBounds
    activeFocusOnTab: true
    Accessible.role: Accessible.Pane
    Accessible.name: qsTr("What is known of the unit")
    Keys.onUpPressed: contentY = Math.max(0, contentY - Theme.rowHeight)
    Keys.onDownPressed: contentY = Theme.within(0, contentY + Theme.rowHeight, contentHeight - height)

    FocusRing {
        x: 0
        y: panel.contentY
        anchors.fill: undefined
        width: panel.width
        height: panel.height
        shown: panel.activeFocus
    }

    ScrollMark {
        view: panel
    }

    Column {
        id: list

        x: Theme.wideSpace * 0.8
        y: Theme.space
        width: panel.width - x * 2
        spacing: Theme.space

        Repeater {
            model: panel.sections

            Column {
                id: section

                required property var modelData

                width: list.width
                spacing: Theme.gap * 0.75

                Text {
                    text: section.modelData.title
                    color: Theme.ink
                    font: Theme.sans(Theme.small, Font.Bold)
                    Accessible.role: Accessible.Heading
                    Accessible.name: text
                }

                Repeater {
                    model: section.modelData.rows

                    Item {
                        id: fact

                        required property var modelData

                        width: section.width
                        height: value.y + value.height
                        Accessible.role: Accessible.StaticText
                        Accessible.name: modelData.label + ": " + modelData.value

                        Text {
                            id: label

                            text: fact.modelData.label
                            width: panel.stacked ? fact.width : panel.labelWidth - Theme.gap
                            color: Theme.inkQuiet
                            font: Theme.sans(Theme.small, Font.Normal)
                            wrapMode: Text.WrapAtWordBoundaryOrAnywhere
                        }

                        Text {
                            id: value

                            objectName: "fact-" + fact.modelData.label
                            x: panel.stacked ? 0 : panel.labelWidth
                            y: panel.stacked ? label.height : 0
                            width: fact.width - x
                            text: fact.modelData.value
                            color: Theme.ink
                            font: fact.modelData.mono ? Theme.mono(Theme.small * 0.94) : Theme.sans(Theme.small, Font.Normal)
                            wrapMode: Text.WrapAtWordBoundaryOrAnywhere
                        }
                    }
                }
            }
        }
    }
}
