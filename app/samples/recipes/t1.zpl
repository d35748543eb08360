^XA
^FX Thermostat T1, 50 x 25 mm at 8 dots a millimetre
^CI28
^PW400
^LL200
^FO20,20^A0N,28,28^FDThermostat T1^FS
^FO20,70^A0N,40,40^FD${serial}^FS
^FO20,140^A0N,22,22^FDExample Ltd^FS
^FO270,30^BQN,2,5^FDQA,${serial}^FS
^XZ
