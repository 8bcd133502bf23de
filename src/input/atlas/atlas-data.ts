// Written by tools/gen-atlas.ts; the format is described in atlas-decode.ts. The values are those of CPUID dumps which
// InstLatX64 (https://github.com/InstLatx64/InstLatx64) collects; each entry names its file there.
export const ATLAS_DATA = `
source|InstLatx64/InstLatx64|087af2c7d72c9a6af85a3a079e8fdb878db23ba1
generation|Core 2 (65 nm)|Core 2 (45 nm)|Bonnell|Westmere|Sandy Bridge|Ivy Bridge|Silvermont/Airmont|Haswell|Broadwell|Skylake client (incl. Kaby/Coffee/Comet)|Skylake server (incl. Cascade Lake)|Goldmont|Goldmont Plus|Cannon Lake|Ice Lake|Lakefield|Tiger Lake|Rocket Lake|Tremont|Alder Lake (incl. Alder Lake-N)|Raptor Lake (incl. Bartlett Lake)|Sapphire/Emerald Rapids|Granite Rapids|Meteor Lake (incl. Arrow Lake-U)|Lunar Lake|Arrow Lake|Wildcat Lake|Centaur / VIA / Zhaoxin
platform|LGA775|LGA1366|LGA2011 DP|LGA2011|LGA1155|FCBGA1170-M|FCBGA1170-D|FCBGA1170|FCBGA1283|LGA1150|LGA2011-v3|LGA2011-v3 DP|BGA1168|LGA1151|BGA1528|LGA1200|LGA2066|LGA3647-0|FCBGA1296|BGA1510|FCBGA1526|BGA1449|FCBGA1338|LGA1700|BGA1744|BGA2833|LGA1851
aida64|Engineer v5.99.4905 Beta|Engineer v6.60.5900|v2.85.2440 Beta|v4.00.2742 Beta|v2.60.2162 Beta|v4.20.2810 Beta|v4.20.2827 Beta|v5.20.3455 Beta|v4.00.2723 Beta|v5.80.4102 Beta|v4.70.3200|v5.00.3303 Beta|Engineer v8.25.8226 Beta|Engineer v8.25.8223 Beta|v5.20.3478 Beta|Engineer v7.50.7210 Beta|Engineer v6.25.5426 Beta|v5.80.4082 Beta|Engineer v5.92.4397 Beta|Engineer v6.25.5481 Beta|Engineer v6.00.5157 Beta|Engineer v6.50.5819 Beta|v5.75.3945 Beta|v5.80.4010 Beta|Engineer v5.95.4575 Beta|Engineer v5.95.4550 Beta|Engineer v5.98.4811 Beta|Engineer v6.00.5169 Beta|Engineer v7.50.7209 Beta|Extreme v6.60.5916 Beta|Engineer v6.32.5600|Extreme v8.00.8000|Engineer v7.35.7030 Beta|Extreme v6.88.6400
os|Microsoft Windows XP Professional x64 Edition 5.2.3790 Service Pack 2 (64-bit)|Microsoft Windows 10 Enterprise 10.0.19043.1348 (64-bit)|Microsoft Windows 11 Pro 10.0.28000.1764 (64-bit)|Microsoft Windows 10 Pro 10.0.19045.5247 (64-bit)|Microsoft Windows 10 Home 10.0.18363.836 (64-bit)|Microsoft Windows 10 Pro 10.0.16299.64 (64-bit)|Microsoft Windows 10 Pro 10.0.19041.508 (64-bit)|Microsoft Windows 10 Pro 10.0.18362.295 (64-bit)|Microsoft Windows 10 Enterprise 10.0.19044.1387 (64-bit)|Microsoft Windows 10 Pro 10.0.16299.309 (64-bit)|Microsoft Windows 10 Pro 10.0.14393.0 (64-bit)|Microsoft Windows 10 Pro 10.0.17134.345 (64-bit)|Microsoft Windows 10 Pro 10.0.18362.356 (64-bit)|Microsoft Windows 11 Pro 10.0.22631.4602 (64-bit)|Microsoft Windows 11 Pro 10.0.22000.376 (64-bit)|Microsoft Windows 10 Pro 10.0.19042.985 (64-bit)|Microsoft Windows 11 Pro 10.0.26100.2605 (64-bit)|Microsoft Windows 11 Pro 10.0.26200.7922 (64-bit)|Microsoft Windows 11 Pro 10.0.26200.6899 (64-bit)|Microsoft Windows 11 Pro 10.0.26200.7623 (64-bit)|Microsoft Windows 11 Pro N 10.0.22621.4317 (64-bit)|Microsoft Windows 11 Pro 10.0.26200.8037 (64-bit)|Microsoft Windows 11 Pro 10.0.22621.674 (64-bit)
cpuid|1.0.ecx|e3bd|8e3bd|40e3bd|29ee3ff|1fbee3ff|1fbee3bf|7f9ae3bf|41d8e3bf|43d8e3bf|7ffafbff|7ffefbbf|7dfefbff|7ffefbff|7ffafbbf|4ffaebbf|4ff8ebbf|4fd8ebbf|76fa63ab|7fda63eb|7fda73ab|7ffa73e3
cpuid|1.0.edx|bfebfbff|bfe9fbff|bfcbfbff
cpuid|6.0.eax|1|5|77|7|75|27f7|7f5|27f5|ef7|ef5|55|57|2ff7|7aff5|7aef7|1f8ff7|17eff7|7eff7|3eff7|178ff7|dfcff5|df8ff7|dfcff7|df8ff5|578ff7|df8ef7|45cef7|80077|65cef7|880075|3|e81
cpuid|7.0.ebx|0|281|2282|27ab|37ab|3fbb|21c27ab|21c2fbb|21cbfbb|29c67af|29c6fbf|2946687|d39ffffb|2294e283|2294e287|f2bf67eb|f3bfbfff|f2bf27ef|239422c3|f3bfa7eb|f2bf67ef|2394a2c3|239ca7eb|239c27eb|f3bfbffb|c25ab|200c258b|201c258b|f1bf67ab|201c25ab
cpuid|7.0.ecx|0|40000000|40000008|8|808|800|40400004|e|40417f4e|40405f4e|400104|18c05fce|405f4e|18400124|98c027ac|98c05fee|98c007ac|984007ac|9ac027ac|bb417fee|fb417fee|994007ac|994027ac|4|40000c|40000f|40000d
cpuid|7.0.edx|0|9c000000|9c000400|9c002400|bc000000|bc002400|bc000400|9c002600|c000000|2c000000|ac000400|bc040412|bc000410|bc008400|fc100510|fc000400|fc1cc410|fc984510|fc18c410|fc184410|fc1c4410|ffdd4430|ffdd4432|fc1cc430|fc18c430|24000000|b4000000
cpuid|7.1.eax|0|400810|401c30|401c10|810|1c30|40201d30|40400910|44c009d7|4cce09d7
cpuid|7.1.edx|0|40000|e4000|40430
cpuid|7.2.edx|1|17|37|1f|9f|3f|bf
cpuid|d.1.eax|1|f|1f
cpuid|80000001.0.ecx|1|101|21|121
cpuid|80000001.0.edx|20100000|2c100000|28100000|2c100800|2e100800
cpuid|80000007.0.edx|0|100
cpuid|80000008.0.ebx|0|200
cpuid|c0000001.0.edx|1ec33dcc|1ec13dfc|1ec33dfc|1ec03dff|1ec03dfc|1ec33dff
cpuid|a.0.eax|7280202|7280203|7300403|7300404|7300804|8300805|7300405|7300605|7300805|d300806|6280202|7300402|7300802
cpuid|a.0.ecx|0|f|7
cpuid|a.0.edx|0|503|603|4503|8603|8604
cpuid|0.0.eax|a|b|d|f|14|16|15|18|1b|20|24|23|28|1f
cpuid|7.0.eax|0|2|1
cpuid|12.0.eax|0|1|63
cpuid|15.0.eax|2|3|0
cpuid|15.0.ebx|d8|b8|14e|86|e2|96|a6|c0|b0|15e|146|13c|12c|134|114|124|a8|f0|c8|90|88|fa|ab|ea|138|4e|3e|48|7e|92|ac|68|78|10a|3a|82|9c|8c|98|34|58|5e|b6|b2|72|a0|da|ca|0
cpuid|15.0.ecx|0|124f800|16e3600|249f000|17d7840
cpuid|80000000.0.eax|80000008
cpuid|80000008.0.eax|3024|3020|302e|3027|392e|3934|302a|3028
msr|3a|5
msr|480|1a040000000007|5a08000000000d|5a040000000009|da04000000000f|da040000000010|da040000000002|da040000000012|da040000000004|da040000000011|da050000000013|1da050000000013|3da050000000013|3da060000000015|7da060000000015|d8040000000007
msr|481|1f00000016|3f00000016|7f00000016|ff00000016
msr|482|77b9fffe0401e172|f7f9fffe0401e172|77f9fffe0401e172|fff9fffe0401e172|fffbfffe0401e172
msr|483|3efff00036dff|3ffff00036dff|7fffff00036dff|1ffffff00036dff|37fffff00036dff|137fffff00036dff|3ffffff00036dff|f77fffff00036dff|ff7fffff00036dff|3fffff00036dff|ffffff00036dff
msr|484|1fff000011ff|3fff000011ff|ffff000011ff|3ffff000011ff|6ffff000011ff|16ffff000011ff|7ffff000011ff|76ffff000011ff|7effff000011ff|1feffff000011ff|1ffff000011ff
msr|485|403c0|401e7|100401e5|481e6|300481e5|7004c1e7|6004c1e7|401e0|200401e7
msr|486|80000021
msr|487|ffffffff
msr|488|2000
msr|489|27ff|267ff|667ff|627ff|1727ff|1027ff|1767ff|3727ff|3767ff|7767ff|3527ff|352fff|772fff|777fff|ff2fff|776fff|1ff6fff|1ff2fff|1f72fff|3f77fff|1f76fff|1bf76fff|11bf76fff|176fff
msr|48a|2c|2a|2e|32
msr|48b|4100000000|4ff00000000|8ff00000000|28ef00000000|7cff00000000|3fff00000000|7fff00000000|2007fff00000000|53cff00000000|53fff00000000|77fff00000000|1fbcff00000000|1ffcff00000000|5fbcff00000000|5ffcff00000000|5f9cff00000000|5fffff00000000|25f7fff00000000|25d3fff00000000|1d6fff00000000|25defff00000000|25f3cff00000000|4bdfffff00000000|335fbfff00000000|35d6fff00000000|435d6fff00000000|35f3fff00000000|35f7fff00000000|335fffff00000000|7dd6fff00000000|f5d7fff00000000|75f7fff00000000|75d7fff00000000|f5f7fff00000000|cfff3fff00000000|cfffffff00000000|cfff7fff00000000|c75f7fff00000000|cf5f7fff00000000|1cfe00000000|3cee00000000|2577fff00000000|2467fff00000000
msr|48c|f0106134141|f0106114141|f0106334141|f0106734141|f01067341c1|f0106714141|f0106f34141|10f0106f34141|10f0106f341c1
msr|48d|7f00000016|ff00000016|3f00000016
msr|48e|fff9fffe04006172|fffbfffe04006172
msr|48f|7fffff00036dfb|1ffffff00036dfb|37fffff00036dfb|137fffff00036dfb|3ffffff00036dfb|f77fffff00036dfb|ff7fffff00036dfb|3fffff00036dfb|ffffff00036dfb
msr|490|ffff000011fb|3ffff000011fb|6ffff000011fb|16ffff000011fb|7ffff000011fb|76ffff000011fb|7effff000011fb|1feffff000011fb|1ffff000011fb
cpu|i|6f6|conroe|Conroe|Intel(R) Core(TM)2 CPU X6800 @ 2.93GHz|Conroe~|0|2006|44|2|1|000000----0000-00000----00|-00000000000------/|Conroe|0|0|0
cpu|i|10676|yorkfield|Yorkfield|Intel(R) Core(TM)2 Extreme CPU X9650 @ 3.00GHz|Yorkfield~|1|2007|60c|4|1|100000----0000-00100----00|-111110000000-----/|Yorkfield|0|0|0
cpu|i|20661|tunnelcreek-2|Tunnel Creek|Intel(R) Atom(TM) CPU E680 @ 1.60GHz|TunnelCreek~2|2|2010|105|2|1|210000----0000-10100----01|-21200000000------/||||
cpu|i|206c2|gulftown-01|Gulftown|Intel(R) Xeon(R) CPU W3670 @ 3.20GHz|Gulftown_01~|3|2010|1f|12||301001----0110-20210----00|-32322100011100000/|Gulftown|1|1|1
cpu|i|206d5|sandybridgeep|Sandy Bridge-EP|Genuine Intel(R) CPU @ 2.60GHz|SandyBridgeEP~|4||50b|32|1|402000----0110-20220----02|-42322200021100000/|Sandy Bridge-EP|2|2|
cpu|i|206d6|sandybridgee|Sandy Bridge-E|Intel(R) Core(TM) i7-3960X CPU @ 3.30GHz|SandyBridgeE~|4|2011|616|12|1|502000----0110-20220----02|-42322200031100000/|Sandy Bridge-E|3|3|
cpu|i|306a9|ivybridge|Ivy Bridge|Intel(R) Core(TM) i7-3770K CPU @ 3.50GHz|IvyBridge~|5|2012|12|8|1|602100----0210-20220----00|-42322200041210000/|Ivy Bridge-DT|4|4|
cpu|i|30673|silvermont-2|Bay Trail-M|Intel(R) Celeron(R) CPU N2820 @ 2.13GHz|Silvermont~2|6|2013|320|2|1|701200----1210-10310----00|-52322300052310000/|Bay Trail-M|5|5|
cpu|i|30673|silvermont3|Bay Trail-D|Intel(R) Celeron(R) CPU J1900 @ 1.99GHz|Silvermont3~|6|2013|312|4|1|701200----1210-10310----00|-52322300052310000/|Bay Trail-D|6|6|
cpu|i|406c3|braswell|Braswell|Intel(R) Celeron(R) CPU N3150 @ 1.60GHz|Braswell~|6|2015|33c|4|1|803200----1210-10110----00|-52322300052310000/|Braswell|7|7|
cpu|i|406d8|avoton-2|Avoton|Intel(R) Atom(TM) CPU C2750 @ 2.40GHz|Avoton~2|6|2013|116|8|1|801200----1210-10310----00|-52322300052310000/|Avoton|8|8|
cpu|i|306c3|haswell|Haswell|Intel(R) Core(TM) i7-4770 CPU @ 3.40GHz|Haswell~|7|2013|1e|8|1|904300---02110-20220----03|-62322400061420000/|Haswell-DT|9|9|
cpu|i|306f2|haswelle2|Haswell-E|Intel(R) Core(TM) i7-5820K CPU @ 3.30GHz|HaswellE2~|7|2014|25|12|1|a04400---02110-20230----02|-63322400041521000/|Haswell-E|10|10|
cpu|i|306f2|haswellep|Haswell-EP|Intel(R) Xeon(R) CPU E5-2699 v3 @ 2.30GHz|HaswellEP~|7|2014|1f|72|1|b02500---02110-20230----02|-63322400061621000/|Haswell-EP|11|11|
cpu|i|306f2|haswellep-00|Haswell-EP|Intel(R) Xeon(R) CPU E5-2630 v3 @ 2.40GHz|HaswellEP_00~|7|2014|44|16||c04402---02310-20230----02|-63322400061621000/|Haswell-EP|10|12|2
cpu|i|306f2|haswellep-01|Haswell-EP|Genuine Intel(R) CPU @ 2.70GHz|HaswellEP_01~|7||44|28||c04402---02310-20230----02|-63322400061621000/|Haswell-EP|10|12|2
cpu|i|306f2|haswellep-02|Haswell-EP|Intel(R) Xeon(R) CPU E5-2696 v3 @ 2.30GHz|HaswellEP_02~|7||44|36||c04402---02310-20230----02|-63322400061721000/|Haswell-EP|10|12|2
cpu|i|306f2|haswellep-04|Haswell-EP|Intel(R) Xeon(R) CPU E5-2699 v3 @ 2.30GHz|HaswellEP_04~|7|2014|44|36||c04402---02310-20230----02|-63322400061621000/|Haswell-EP|10|12|2
cpu|i|306f2|haswellep-05|Haswell-EP|Intel(R) Xeon(R) CPU E5-4669 v3 @ 2.10GHz|HaswellEP_05~|7|2015|44|36||c04402---02310-20230----02|-63322400061621000/|Haswell-EP 4S||12|2
cpu|i|306d4|broadwell-3|Broadwell-U|Intel(R) Core(TM) i7-5500U CPU @ 2.40GHz|Broadwell~3|8|2015|12|4|1|d02600---03110-202400---03|-62322400071820000/||||
cpu|i|306d4|broadwell2|Broadwell-U|Intel(R) Core(TM) i5-5250U CPU @ 1.60GHz|Broadwell2~|8|2015|21|4|1|d02600---03110-202400---03|-62322400071820000/|Broadwell-U|12|9|
cpu|i|40671|broadwellh|Broadwell-H|Intel(R) Core(TM) i7-5775C CPU @ 3.30GHz|BroadwellH~|8|2015|10|8|1|d02700---03110-202400---03|-62322400071820000/|Broadwell-H|9|9|
cpu|i|406f1|broadwelle|Broadwell-E|Intel(R) Core(TM) i7-6850K CPU @ 3.60GHz|BroadwellE~|8|2016|b00001c|12|1|a02800---03110-202400---02|-63322400071921000/|Broadwell-E|10|9|
cpu|i|406f1|broadwelle-01|Broadwell-E|Intel(R) Core(TM) i7-6900K CPU @ 3.20GHz|BroadwellE_01~|8|2016|b000038|16||a04802---03310-202400---02|-63322400071921000/|Broadwell-E|10|13|2
cpu|i|406f1|broadwelle-02|Broadwell-EP|Intel(R) Xeon(R) CPU E5-2620 v4 @ 2.10GHz|BroadwellE_02~|8|2016|b000038|16||c04802---03310-202400---02|-63322400081a21000/|Broadwell-EP|10|12|2
cpu|i|406f1|broadwelle-4|Broadwell-EP|Intel(R) Xeon(R) CPU E5-2697 v4 @ 2.30GHz|BroadwellE~4|8|2016|b000010|72|1|c02800---03110-202400---02|-63322400081a21000/||||
cpu|i|406f1|broadwelle-5|Broadwell-E|Intel(R) Core(TM) i7-6950X CPU @ 3.00GHz|BroadwellE~5|8|2016|b000019|20|1|a02800---03110-202400---02|-63322400071921000/||||
cpu|i|406f1|broadwelle-6|Broadwell-E|Intel(R) Core(TM) i7-6800K CPU @ 3.40GHz|BroadwellE~6|8|2016|b00000b|12|1|a02800---03110-202400---02|-63322400071921000/||||
cpu|i|50662|broadwellde|Broadwell-DE|Intel(R) Xeon(R) CPU D-1540 @ 2.00GHz|BroadwellDE~|8|2015|7|16|1|c04800---03110-202400---02|-63322400081a21000/||||
cpu|i|406e3|skylake|Skylake-U|Intel(R) Core(TM) i7-6500U CPU @ 2.50GHz|Skylake~|9|2015|33|4|1|d05900---13110-30250000003|-72333500072b20011/||||
cpu|i|506e3|skylake|Skylake-S|Intel(R) Core(TM) i5-6400T CPU @ 2.20GHz|Skylake~|9|2015|1b|4|1|906900---13110-40250001003|-72333500082c20011/|Skylake-S|13|14|
cpu|i|506e3|skylake-01|Skylake-S|Intel(R) Core(TM) i7-6700K CPU @ 4.00GHz|SkyLake_01~|9|2015|d6|8||d07a03---13310-30250002003|-72333500072c20011/|Skylake-S|13|13|2
cpu|i|506e3|skylake-02|Skylake-S|Intel(R) Core(TM) i7-6700K CPU @ 4.00GHz|Skylake_02~|9|2015|cc|8||d07a03---13110-30250002003|-72333500072c20011/|Skylake-S|13|15|3
cpu|i|806e9|amberlakey|Amber Lake-Y|Intel(R) Core(TM) m3-8100Y CPU @ 1.10GHz|AmberLakeY~|9|2018|b4|4|1|d05903---13110-30250003003|-72333500072d30011/||||
cpu|i|806e9|kabylake|Kaby Lake-U|Intel(R) Core(TM) i5-7200U CPU @ 2.50GHz|Kabylake~|9|2016|30|4|1|d05900---13110-30250004003|-72333500072d30011/||||
cpu|i|806e9|kabylake-3|Kaby Lake-Y|Intel(R) Core(TM) m3-7Y30 CPU @ 1.00GHz|Kabylake~3|9|2016|3a|4|1|d05900---13110-30250003003|-72333500072d30011/||||
cpu|i|806ea|kabylake|Kaby Lake-R|Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz|Kabylake~|9|2017|70|8|1|d05900---13110-30250005003|-72333500072d30011/||||
cpu|i|806eb|whiskeylake|Whiskey Lake-U|Intel(R) Core(TM) i7-8565U CPU @ 1.80GHz|WhiskeyLake~|9|2018||8|1|d05904---13110-30250006003|-72333500072d30011/||||
cpu|i|806eb|whiskeylake-3|Whiskey Lake-U|Intel(R) Pentium(R) CPU 5405U @ 2.30GHz|WhiskeyLake~3|9|2019||4|1|e07b05---13110-30250007003|-72333500072d30011/||||
cpu|i|806ec|cometlake-2|Comet Lake-U|Intel(R) Core(TM) i5-10210U CPU @ 1.60GHz|CometLake~2|9|2019|be|8|1|d05906---13110-30250008003|-72333500072d30011/||||
cpu|i|806ec|cometlake-3|Comet Lake-U|Intel(R) Core(TM) i3-10110U CPU @ 2.10GHz|CometLake~3|9|2019|c6|4||d07906---13110-30250100003|-72333500072d30011/|Comet Lake-U|14|16|4
cpu|i|906e9|kabylake|Kaby Lake-S|Intel(R) Core(TM) i7-7700K CPU @ 4.20GHz|Kabylake~|9|2017|42|8|1|d07a00---13110-30250009003|-72333500072e30011/|Kaby Lake-S|13|17|
cpu|i|906e9|kabylake-01|Kaby Lake-S|Intel(R) Core(TM) i3-7100 CPU @ 3.90GHz|KabyLake_01~|9|2017|de|4||d07907---13310-3025000a003|-72333500072d30011/|Kaby Lake-S|13|13|2
cpu|i|906e9|kabylake-2|Kaby Lake-S|Intel(R) Core(TM) i5-7600K CPU @ 3.80GHz|Kabylake~2|9|2017|3a|4|1|d05a00---13110-4025000b003|-72333500072e30011/||||
cpu|i|906e9|kabylake-4|Kaby Lake-S|Intel(R) Pentium(R) CPU G4600 @ 3.60GHz|Kabylake~4|9|2017||4|1|e07b00---13110-3025000c003|-72333500072f30011/||||
cpu|i|906ea|coffeelake|Coffee Lake-S|Intel(R) Core(TM) i7-8700K CPU @ 3.70GHz|Coffeelake~|9|2017|70|12|1|905a10---13110-3025000d003|-72333500082e30011/|Coffee Lake-S|13|18|5
cpu|i|906ea|coffeelake-2|Coffee Lake-H|Intel(R) Core(TM) i7-8750H CPU @ 2.20GHz|Coffeelake~2|9|2018|84|12|1|d05918---13110-30250001003|-72333500072d30011/||||
cpu|i|906ea|coffeelake-3|Coffee Lake-S|Intel(R) Pentium(R) Gold G5400 CPU @ 3.70GHz|Coffeelake~3|9|2018|84|4|1|e07b18---13110-3025000d003|-72333500072f30011/||||
cpu|i|906ea|coffeelakeh-2|Coffee Lake-H|Intel(R) Core(TM) i7-9750H CPU @ 2.60GHz|CoffeelakeH~2|9|2019|aa|12|1|d05911---13110-30250000003|-72333500072d30011/||||
cpu|i|906eb|coffeelake|Coffee Lake-S|Intel(R) Core(TM) i3-8350K CPU @ 4.00GHz|Coffeelake~|9|2017|5e|4|1|d05900---13110-40250002003|-72333500072d30011/||||
cpu|i|906ec|coffeelake-3|Coffee Lake-S Refresh|Intel(R) Core(TM) i5-9600K CPU @ 3.70GHz|CoffeeLake~3|9|2018|9e|6|1|905a14---13110-4025000d003|-72333500082e30011/||||
cpu|i|a0655|cometlake|Comet Lake-S|Intel(R) Core(TM) i9-10900K CPU @ 3.70GHz|CometLake~|9|2020|c8|20||905926---13110-3025000d003|-73333500092g31011/|Comet Lake-S|15|19|6
cpu|i|a0655|cometlake-2|Comet Lake-S|Intel(R) Core(TM) i7-10700K CPU @ 3.80GHz|CometLake~2|9|2020||16||905926---13110-3025000b003|-73333500092g31011/||||
cpu|i|a0660|cometlake-1|Comet Lake-U|Intel(R) Core(TM) i7-10710U CPU @ 1.10GHz|CometLake~1|9|2019||12||d05906---13110-30250003003|-72333500072d30011/||||
cpu|i|50654|skylaked|Skylake-D|Intel(R) Xeon(R) D-2183IT CPU @ 2.20GHz|SkylakeD~|10|2018|200004d|32|1|c02c31---13110-30250008002|-73333500092h31011/||||
cpu|i|50654|skylakex|Skylake-X|Intel(R) Core(TM) i9-7900X CPU @ 3.30GHz|SkylakeX~|10|2017|2000021|20|1|a02c00---13110-3025000e002|-73333500072i31011/||||
cpu|i|50654|skylakex-2|Skylake-X|Intel(R) Core(TM) i7-7800X CPU @ 3.50GHz|SkylakeX~2|10|2017|200005e|12|1|a08c03---13110-3025000f002|-73333500072i31011/|Skylake-X|16|20|7
cpu|i|50654|skylakexeon-20|Skylake-SP|Intel(R) Xeon(R) Platinum 8160 CPU @ 2.10GHz|SkylakeXeon_20~|10|2017|2006a08|96||c09c33---13110-3025000g002|-73333500092h31011/|Skylake-SP|17|21|8
cpu|i|50654|skylakexeon-5|Skylake-SP|Intel(R) Xeon(R) Gold 6154 CPU @ 3.00GHz|SkylakeXeon~5|10|2017|2000018|72|1|c04c30---13110-3025000h002|-73333500092h31011/||||
cpu|i|50654|skylakexeon-6|Skylake-SP|Intel(R) Xeon(R) Platinum 8180 CPU @ 2.50GHz|SkylakeXeon~6|10|2017|2000011|112|1|c08c30---13110-3025000i002|-73333500092h31011/||||
cpu|i|50654|skylakexeon-8|Skylake-SP|Intel(R) Xeon(R) Silver 4108 CPU @ 1.80GHz|SkylakeXeon~8|10|2017|2000016|32|1|c02c30---13110-3025000j002|-73333500092h31011/||||
cpu|i|50654|skylakexeon-9|Skylake-SP|Intel(R) Xeon(R) Bronze 3104 CPU @ 1.70GHz|SkylakeXeon~9|10|2017|2000026|12|1|c09c30---13110-4025000k002|-73333500092h31011/||||
cpu|i|50657|cascadelakesp-1|Cascade Lake-SP|Intel(R) Xeon(R) Gold 5215 CPU @ 2.50GHz|CascadeLakeSP~1|10|2019|500001c|20|1|c08c46---13110-3025000i002|-73333500092h31011/||||
cpu|i|50657|cascadelakesp-3|Cascade Lake-SP|Intel(R) Xeon(R) Gold 6212U CPU @ 2.40GHz|CascadeLakeSP~3|10|2019|500001c|48|1|c02c46---13110-30250007002|-73333500092h31011/||||
cpu|i|50657|cascadelakew|Cascade Lake-W|Intel(R) Xeon(R) W-3275 CPU @ 2.50GHz|CascadeLakeW~|10|2019|5000021|56|1|c02c46---13110-3025000i002|-73333500092h31011/||||
cpu|i|50657|cascadelakex-1|Cascade Lake-X|Intel(R) Core(TM) i9-10980XE CPU @ 3.00GHz|CascadeLakeX~1|10|2019|5000029|36||a08c56---13110-3025000l002|-73333500072i31011/||||
cpu|i|506c9|goldmont|Apollo Lake|Intel(R) Pentium(R) CPU N4200 @ 1.10GHz|Goldmont~|11|2016|18|4|1|f0ad00---11110-3026001m103|-833336000a2j21011/|Apollo Lake||22|
cpu|i|506c9|goldmont-3|Apollo Lake|Intel(R) Celeron(R) CPU N3450 @ 1.10GHz|Goldmont~3|11|2016|20|4|1|f0bd00---11110-3026001m103|-833336000a2j21011/||||
cpu|i|506c9|goldmont2|Apollo Lake|Intel(R) Celeron(R) CPU J3455 @ 1.50GHz|Goldmont2~|11|2016|1c|4|1|f0bd00---11110-3026001n103|-833336000a2j21011/|Apollo Lake-D|18|23|
cpu|i|506f1|denverton|Denverton|Intel(R) Atom(TM) CPU C3958 @ 2.00GHz|Denverton~|11|2017|20|16|1|f0ad09---11110-3026001h003|-833336000a2j21011/|Denverton||24|9
cpu|i|706a1|goldmontplus-2|Gemini Lake|Intel(R) Celeron(R) J4105 CPU @ 1.50GHz|GoldmontPlus~2|12|2017|20|4|1|f0be69---11110-3047001n103|-833336000b2k31011/|Gemini Lake-D|18|25|10
cpu|i|706a8|goldmontplus-2|Gemini Lake Refresh|Intel(R) Pentium(R) Silver J5040 CPU @ 2.00GHz|GoldmontPlus~2|12|2019|16|4|1|f0be6a---11110-3047001o103|-833336000b2k31011/||||
cpu|i|60663|cannonlake-2|Cannon Lake-U|Intel(R) Core(TM) i3-8121U CPU @ 2.20GHz|CannonLake~2|13|2018|2a|4|1|d0cf71---13110-30250001203|-723335000c2l30011/|Cannon Lake-U|19|26|11
cpu|i|606a6|icx-3|Ice Lake-SP|Intel(R) Xeon(R) Platinum 8351N CPU @ 2.40GHz|ICX~3|14|2021|d000280|72||c02g8b---13111-51580007004|-933445000d2m41022/||||
cpu|i|706e5|icelakey|Ice Lake-U|Intel(R) Core(TM) i7-1065G7 CPU @ 1.30GHz|IceLakeY~|14|2019|2e|8|1|d0dh9c---13110-5158020p303|-933445000c2n31022/|Ice Lake-U|20|27|12
cpu|i|706e5|icelakey-3|Ice Lake-U|Intel(R) Core(TM) i3-1005G1 CPU @ 1.20GHz|IceLakeY~3|14|2019|2e|4|1|d0eh9c---13110-5158000q303|-933445000c2n31022/||||
cpu|i|806a1|lakefield|Lakefield|Intel(R) Core(TM) i5-L16G7 CPU @ 1.40GHz|Lakefield~|15|2020|24000022|5||g0fiad---11210-6248000r303|-933445000b2o51022/0-3/E~20000000~Tremont~0-3;-933445000b2p51022/4/P~40000000~Sunny Cove~4||||
cpu|i|806c1|tigerlake-01|Tiger Lake-UP3|11th Gen Intel(R) Core(TM) i5-1135G7 @ 2.40GHz|TigerLake_01~|16|2020|52|8||d0gjbe---13110-5158000s303|-a34555000e2q61133/|Tiger Lake-UP3|21|15|13
cpu|i|806c1|tigerlake-3|Tiger Lake-UP3|11th Gen Intel(R) Core(TM) i7-1165G7 @ 2.80GHz|TigerLake~3|16|2020|28|8||d0hjbe---13110-5158000t303|-a34555000e2q61133/||||
cpu|i|806c1|tigerlake-5|Tiger Lake-H35|11th Gen Intel(R) Core(TM) i7-11375H @ 3.30GHz|TigerLake~5|16|2021|6e|8||d0gjbe---13110-5158000u303|-a34555000e2q61133/||||
cpu|i|806c1|tigerlake-6|Tiger Lake-UP3|Intel(R) Pentium(R) Gold 7505 @ 2.00GHz|TigerLake~6|16|2020|66|4||d0gjbe---13110-5158000v303|-a34555000e2q61133/||||
cpu|i|806d1|tigerlakeh-1|Tiger Lake-H|11th Gen Intel(R) Core(TM) i7-11800H @ 2.30GHz|TigerLakeH~1|16|2021|16|16||d0gjbe---13110-5158000w303|-a34555000e2q61133/||||
cpu|i|a0671|rocketlake-01|Rocket Lake-S|11th Gen Intel(R) Core(TM) i9-11900K @ 3.50GHz|RocketLake_01~|17|2021|58|16||90ifcc00013110-5158100f203|-933665000f2r31044/|Rocket Lake-S|15|28|3
cpu|i|a0671|rocketlake-1|Rocket Lake-S|11th Gen Intel(R) Core(TM) i7-11700KF @ 3.60GHz|RocketLake~1|17|2021|24|16||d0ifcc---13110-5158000c203|-933665000c2q31044/||||
cpu|i|a0671|rocketlakee-01|Rocket Lake-E|Intel(R) Xeon(R) E-2356G CPU @ 3.20GHz|RocketLakeE_01~|17|2021|53|12||90ik9c00013110-5158100x203|-933665000f2s31044/||||
cpu|i|90661|elkhartlake-r1|Elkhart Lake|Intel(R) Celeron(R) J6412 @ 2.00GHz|ElkhartLake~01|18|2021|11|4||f0jldf---11210-6248000v303|-933445000b2t51022//E~20000000~Tremont~0-3||||
cpu|i|906c0|jasperlake-01|Jasper Lake|Intel(R) Pentium(R) Silver N6005 @ 2.00GHz|JasperLake_01~|18|2021|2400001f|4||f0jldf---11210-6248000v303|-933445000b2t51022//E~20000000~Tremont~0-3|Jasper Lake-D|22|29|14
cpu|i|906c0|jasperlake-r1|Jasper Lake|Intel(R) Celeron(R) N4505 @ 2.00GHz|JasperLake~01|18|2021|24000014|2||f0jldf---11210-6248000v303|-933445000b2t51022//E~20000000~Tremont~0-1||||
cpu|i|906c0|jasperlake-r2|Jasper Lake|Intel(R) Pentium(R) Silver N6005 @ 2.00GHz|JasperLake~02|18|2021|24000014|4||f0jldf---11210-6248000v303|-933445000b2t51022//E~20000000~Tremont~0-3||||
cpu|i|906c0|jasperlake-r3|Jasper Lake|Intel(R) Celeron(R) N5100 @ 1.10GHz|JasperLake~03|18|2021|19|4||f0jldf---11210-6248000y303|-933445000b2t51022//E~20000000~Tremont~0-3|Jasper Lake-M||30|15
cpu|i|90672|alderlake-01-lc-bc|Alder Lake-S|12th Gen Intel(R) Core(TM) i9-12900K|AlderLake_01_LC_BC~|19|2021|12|24||90kmeg10-13110-72492006302|-b34775000g2u71155//P~40000001~Golden Cove~0-15/E~20000001~Gracemont~16-23|Alder Lake-S|23|28|13
cpu|i|90672|alderlake-02|Alder Lake-S|12th Gen Intel(R) Core(TM) i5-12400|AlderLake_02~|19|2022|15|12||d0ljfh20-13110-5159200z303|-b34775000h2v61155/|Alder Lake-S|23|1|14
cpu|i|90672|alderlake-03|Alder Lake-HX|12th Gen Intel(R) Core(TM) i7-12800HX|AlderLake_03~|19|2022|1f|24||d0mngi10013110-7249100w303|-b34775000h2w61155//P~40000001~Golden Cove~0-15/E~20000001~Gracemont~16-23||||
cpu|i|90675|alderlake-02|Alder Lake-S|Intel(R) Pentium(R) Gold G7400|AlderLake_02~|19|2022|1e|4||d0nngj30013110-51591007303|-b34775000h2v61155/||||
cpu|i|90675|alderlake-03|Alder Lake-S|12th Gen Intel(R) Core(TM) i5-12500|AlderLake_03~|19|2022|1a|12||90lmek30-13110-5159200A302|-b34775000g2x71155/||||
cpu|i|906a2|alderlakep-00|Alder Lake-H|12th Gen Intel(R) Core(TM) i7-12700H|AlderLakeP_00~|19|2022|313|20||90mmgi10-13110-7249200B303|-b34775000g2w61155//P~40000001~Golden Cove~0-11/E~20000001~Gracemont~12-19||||
cpu|i|906a3|alderlakep-00|Alder Lake-H|12th Gen Intel(R) Core(TM) i9-12900H|AlderLakeP_00~|19|2022|414|20||90mmeg10-13110-7249200C302|-b34775000g2u71155//P~40000001~Golden Cove~0-11/E~20000001~Gracemont~12-19||||
cpu|i|906a4|alderlakep-00|Alder Lake-P|12th Gen Intel(R) Core(TM) i3-1220P|AlderLakeP_00~|19|2022|42a|12||d0lnhi10113110-7249100D303|-b34775000i2w61155//P~40000001~Golden Cove~0-3/E~20000001~Gracemont~4-11|Alder Lake-P|24|15|16
cpu|i|906a4|alderlakep-01|Alder Lake-U|Intel(R) Pentium(R) Gold 8505|AlderLakeP_01~|19|2022|426|6||d0lnhi10113110-7249100z303|-b34775000i2w61155//P~40000001~Golden Cove~0-1/E~20000001~Gracemont~2-5||||
cpu|i|b06e0|alderlaken-02|Alder Lake-N|Intel(R) N95|AlderLakeN_02~|19|2023|e|4||d0omgj40213110-7249100E303|-b34775000h2w61155//E~20000001~Gracemont~0-3||||
cpu|i|b06e0|alderlaken-03|Alder Lake-N|Intel(R) Core(TM) i3-N305|AlderLakeN_03~|19|2023|e|8||d0omgj40213110-7249100F303|-b34775000h2w61155//E~20000001~Gracemont~0-7||||
cpu|i|b0671|raptorlake-01|Raptor Lake-S|13th Gen Intel(R) Core(TM) i9-13900K|RaptorLake_01~|20|2022|10e|32||90mneg10313110-7249100A302|-b34775000g2u71155//P~40000001~Golden Cove~0-15/E~20000001~Gracemont~16-31|Raptor Lake-S|23|28|16
cpu|i|b0671|raptorlake-04|Raptor Lake-S|13th Gen Intel(R) Core(TM) i5-13600K|RaptorLake_04~|20|2022|10e|20||90lneg10313110-7249100G302|-b34775000g2u71155//P~40000001~Golden Cove~0-11/E~20000001~Gracemont~12-19||||
cpu|i|b0671|raptorlake-05|Raptor Lake-S|13th Gen Intel(R) Core(TM) i7-13700K|RaptorLake_05~|20|2022|10e|24||90mneg10313110-7249100H302|-b34775000g2u71155//P~40000001~Golden Cove~0-15/E~20000001~Gracemont~16-23||||
cpu|i|b0671|raptorlake-11|Raptor Lake-S Refresh|Intel(R) Core(TM) i7-14700K|RaptorLake_11~|20|2023|11d|28||90mneg11313110-7249100H302|-b34775000g2u71155//P~40000001~Golden Cove~0-15/E~20000001~Gracemont~16-27||||
cpu|i|b0671|raptorlake-13|Raptor Lake-S Refresh|Intel(R) Core(TM) i9-14900K|RaptorLake_13~|20|2023|11d|32||90mneg11313110-72491006302|-b34775000g2u71155//P~40000001~Golden Cove~0-15/E~20000001~Gracemont~16-31||||
cpu|i|b0671|raptorlake-14|Raptor Lake-E|Intel(R) Xeon(R) 6315P|RaptorLake_14~|20|2025|12f|4||90pnek31413110-5159100t302|-b34775000g2x71155/||||
cpu|i|b06a2|raptorlakep-02|Raptor Lake-P|13th Gen Intel(R) CoreT i5-1350P|RaptorLakeP_02~|20|2023|410c|8||90lneg30313110-5159100I302|-b34775000g2x71155//P~40000001~Golden Cove~0-7||||
cpu|i|b06a2|raptorlakep-04|Raptor Lake-H|13th Gen Intel(R) Core(TM) i9-13900H|RaptorLakeP_04~|20|2023|410e|20||90mneg10313110-7249100A302|-b34775000g2u71155//P~40000001~Golden Cove~0-11/E~20000001~Gracemont~12-19||||
cpu|i|b06a3|raptorlakep-01|Raptor Lake-U|13th Gen Intel(R) Core(TM) i7-1365U|RaptorLakeP_01~|20|2023|410c|4||90lneg30313110-5159100B302|-b34775000g2x71155//P~40000001~Golden Cove~0-3||||
cpu|i|b06f2|raptorlakes-02|Raptor Lake-S|13th Gen Intel(R) Core(TM) i5-13500|RaptorLakeS_02~|20|2023|26|20||90lneg10113110-7249100z302|-b34775000g2u71155//P~40000001~Golden Cove~0-11/E~20000001~Gracemont~12-19||||
cpu|i|d0670|bartlettlake-01|Bartlett Lake-S|Intel(R) Core(TM) 9 273PQE|BartlettLake_01~|20||3|24||90mnik31413310-5159100H302|-b34775000g2x71155/|Bartlett Lake-S||31|17
cpu|i|806f8|sapphirerapids-05|Sapphire Rapids-WS|Intel(R) Xeon(R) w7-2475X|SapphireRapids_05~|21|2023|2b000390|40||c0qojl50123111-51591000205|-b34885000j2y81166/||||
cpu|i|c06f2|emeraldrapids-01|Emerald Rapids|INTEL(R) XEON(R) GOLD 5520+|EmeraldRapids_01~|21|2023|21000200|112||c02gkm51323111-51591008404|-b34885000j2z81166/||||
cpu|i|c06f2|emeraldrapids-02|Emerald Rapids|INTEL(R) XEON(R) SILVER 4514Y|EmeraldRapids_02~|21|2023|21000240|64||c0rgkm51323111-5159100J404|-b34885000j2z81166/||||
cpu|i|a06d1|graniterapids-03|Granite Rapids-WS|Intel(R) Xeon(R) 658X|GraniteRapids_03~|22||10001d0|48||c0sojl62523111-515a100h405|-b34885000j2A81166//P~40000002~Redwood Cove~0-47||||
cpu|i|a06a4|meteorlake-07|Meteor Lake-H|Intel(R) Core(TM) Ultra 5 125H|MeteorLake_07~|23|2023|17|18||90lnli71513110-824b100A302|-b34775000k2B61155//P~40000002~Redwood Cove~0-1,10-15/E~20000002~Crestmont~2-9/LP-E~20000002~Crestmont~16-17||||
cpu|i|a06a4|meteorlake-10|Meteor Lake-H|Intel(R) Core(TM) Ultra 7 155H|MeteorLake_10~|23|2023|1c|22||90mnli71513310-824b100A302|-b34775000k2B61155//P~40000002~Redwood Cove~0-1,10-19/E~20000002~Crestmont~2-9/LP-E~20000002~Crestmont~20-21|Meteor Lake-H||13|18
cpu|i|b0650|arrowlakeu-03|Arrow Lake-U|Intel(R) Core(TM) Ultra 7 265U|ArrowLakeU_03~|23|2025|a|14||90lnmg71613110-824b1008302|-b34775000k2C71155//P~40000002~Redwood Cove~0-1,10-11/E~20000002~Crestmont~2-9/LP-E~20000002~Crestmont~12-13||||
cpu|i|b06d1|lunarlake-04|Lunar Lake|Intel(R) Core(TM) Ultra 9 288V|LunarLake_04~|24|2024|116|8||90mmmn83613311-924b100u306|-c34885000l2C71166//P~40000003~Lion Cove~0-3/LP-E~20000003~Skymont~4-7|Lunar Lake-MX|25|13|19
cpu|i|c0662|arrowlake-07|Arrow Lake-S|Intel(R) Core(TM) Ultra 5 245K|ArrowLake_07~|25|2024|110|14||90tmmo83613111-924b100K302|-c34885000l2B61166//P~40000003~Lion Cove~0-1,10-13/E~20000003~Skymont~2-9|Arrow Lake-S|26|32|20
cpu|i|c0662|arrowlake-08|Arrow Lake-S|Intel(R) Core(TM) Ultra 7 265K|ArrowLake_08~|25|2024|117|20||90mmmo83613311-924b100L302|-c34885000l2B61166//P~40000003~Lion Cove~0-1,6-9,18-19/E~20000003~Skymont~2-5,10-17|Arrow Lake-S|26|13|21
cpu|i|c0662|arrowlakehx-01|Arrow Lake-HX|Intel(R) Core(TM) Ultra 9 275HX|ArrowLakeHX_01~|25|2025|117|24||90mmlo83613311-924b100J306|-c34885000l2B61166//P~40000003~Lion Cove~0-1,10-13,22-23/E~20000003~Skymont~2-9,14-21||||
cpu|i|d0651|wildcatlake-02|Wildcat Lake|Intel(R) Core(TM) 7 350|WildcatLake_02~|26||8|6||90mmlo93613311-924c100z302|-d34895000m2B71167//P~40000004~Cougar Cove~0-1/LP-E~20000004~Darkmont~2-5||||
cpu|c|6fe|cnr-isaiah|CNR (Isaiah family)|VIA Eden X4 C4250@1.2+GHz|CNR_Isaiah~|27||105a|4|1|h2up00---034000a0120----00|0e1392700071D02070/||||
cpu|c|307b0|6640ma|LuJiaZui (ZX-E / KX-6000)|ZHAOXIN KaiXian KX-6640MA@2.2+GHz|6640MA~|27||720e|4||i2uqnp---033101b0220----07|0e13927000n1E02070/||||
cpu|c|307b1|zxe|LuJiaZui (ZX-E / KX-6000)|ZHAOXIN KaiXian KX-U6780A@2.7GHz|ZXE~|27||20e|8||i2uqnp---033102b0220----07|0e13927000n1E02070/||||
cpu|c|307b2|kx6000-01|KX-6000G (LuJiaZui family)|ZHAOXIN KaiXian KX-6000G/4@2.6GHz|KX6000_01~|27||723d|4||i2vrop---033103b0220----07|0e13927000f1E02070/||||
cpu|c|40672|cns-04|CNS (CHA)|CentaurHauls CPU @2200MHz|CNS_04~|27||c|8||j2uspq---133104c0220----02|0e23aa1000c2F30088/||||
cpu|c|507b3|kx40000-01|Yongfeng (KH-40000)|ZHAOXIN KaiSheng KH-40000/16@2.2GHz|KX40000_01~|27||207|16||k20tqp---033105b02d002M002|0e33228000f3G21000/|Yongfeng||33|22
`;
